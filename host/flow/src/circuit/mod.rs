//! A graph through which values flow: typed, named ports.
