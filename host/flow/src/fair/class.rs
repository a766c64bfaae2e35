//! One of something for each priority class.

use hotcell_call::Priority;

/// One value for each class.
#[derive(Debug, Default)]
pub(super) struct PerClass<T>([T; 5]);

impl<T> PerClass<T> {
    pub(super) fn get(&self, class: Priority) -> &T {
        let [critical, high, normal, low, background] = &self.0;
        match class {
            Priority::Critical => critical,
            Priority::High => high,
            Priority::Normal => normal,
            Priority::Low => low,
            Priority::Background => background,
        }
    }

    pub(super) fn get_mut(&mut self, class: Priority) -> &mut T {
        let [critical, high, normal, low, background] = &mut self.0;
        match class {
            Priority::Critical => critical,
            Priority::High => high,
            Priority::Normal => normal,
            Priority::Low => low,
            Priority::Background => background,
        }
    }
}

/// The next class up.
pub(super) fn above(class: Priority) -> Option<Priority> {
    match class {
        Priority::Critical => None,
        Priority::High => Some(Priority::Critical),
        Priority::Normal => Some(Priority::High),
        Priority::Low => Some(Priority::Normal),
        Priority::Background => Some(Priority::Low),
    }
}
