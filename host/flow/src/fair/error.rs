//! Why settings are refused, and why an item is.

/// A setting that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// With it nothing would ever run, or nothing ever wait.
    #[error("`{name}` is zero")]
    Zero {
        /// Which.
        name: &'static str,
    },
    /// So long that it could as well not be there.
    #[error("`{name}` is longer than a year")]
    TooLong {
        /// Which.
        name: &'static str,
    },
    /// Marks between which nothing lies, or that can't be reached.
    #[error("the marks must be `low` < `high` ≤ {items}, and are {low} and {high}")]
    Marks {
        /// Where pressure turns low.
        low: usize,
        /// Where it turns high.
        high: usize,
        /// How many places there are.
        items: usize,
    },
}

/// There is no room for an item. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Full {
    /// As many items wait as may in all.
    #[error("all {bound} places are taken")]
    Items {
        /// How many may wait.
        bound: usize,
    },
    /// As many items of this tenant wait as it may have waiting, by its share or while so few places are free. Others still get
    /// in.
    #[error("all {bound} places of the tenant are taken")]
    Tenant {
        /// How many may wait.
        bound: usize,
    },
    /// As many wait at the door as may, in all or of this tenant.
    #[error("all {bound} places at the door are taken")]
    Door {
        /// How many may wait there.
        bound: usize,
    },
    /// As many tenants have work here as can be told apart.
    #[error("{bound} tenants have work already")]
    Tenants {
        /// How many can be told apart.
        bound: usize,
    },
}
