//! Stages, one after another, each typed and named.
