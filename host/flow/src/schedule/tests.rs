mod again;
mod day;
mod faults;
mod rows;
mod threads;
