//! From a stream, through a bounded line, to so many consumers.
