mod again;
mod day;
mod door;
mod faults;
mod rows;
mod threads;
