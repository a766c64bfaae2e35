//! A rate that gives way under pressure.
