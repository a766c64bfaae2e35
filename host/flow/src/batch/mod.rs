//! Many small calls as one: a batch closes on size, on time, or on a deadline.
