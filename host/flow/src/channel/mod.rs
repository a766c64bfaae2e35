//! A bounded line of items between those who make them and those who use them up.
