//! What the original made of the same.
//!
//! The original is the document that hotcell replaces: eight modules of Python on one page. Its figures were taken once, on
//! CPython 3.11 and a machine of two cores that was not idle, so they tell an order of magnitude. Where it slept, waited by
//! polling or lost work, that is what they show; where it computed, another machine would shift them.

/// The figures, by the names of ours and in the units of ours.
const FIGURES: &[(&str, f64)] = &[
    // A burst of 10 000 tasks that do nothing.
    ("flow.tasks_per_s", 10_592.0),
    ("flow.spawned_tasks_per_s", 10_592.0),
    ("flow.submit_per_s", 56_532.0),
    // It looked for work every 100 ms.
    ("flow.submit_to_start_us.p50", 47_040.0),
    ("flow.submit_to_start_us.p99", 102_500.0),
    // A diamond with 30 ms on its longest path took 112.3 ms with 10 nodes and 113.2 ms with 100.
    ("flow.dag_10_over_critical_path_ms", 82.3),
    ("flow.dag_100_over_critical_path_ms", 83.2),
    // Its sliding window let through 26.65 % of 10 000 a second.
    ("flow.limiter_error_pct", 73.35),
    // Of 1 000 tasks a second, with workers for 500.
    ("flow.lost", 59.2),
    // Tools of 50 ms at its default limit of 5 at a time; 43.5 with the limit set to 50.
    ("flow.speedup_vs_sequential", 4.5),
    ("flow.channel_items_per_s", 9_419.0),
    ("flow.pipeline_per_s", 166_099.0),
    // To ten listeners.
    ("metric.4_events.publish_per_s", 26_212.0),
    // Ten tasks in 2.223 s, one in 0.403 s, of which 0.3 s were work.
    ("metric.4_reactive.ten_tasks_ratio", 5.5),
    ("metric.4_reactive.over_ideal_ms", 103.0),
    ("metric.5_speedup", 4.5),
];

/// The original's figure of that name, if it has one.
pub(crate) fn figure(name: &str) -> Option<f64> {
    FIGURES.iter().find(|(of, _)| *of == name).map(|(_, figure)| *figure)
}
