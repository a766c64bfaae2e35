use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::testing::{after, pass};

fn dag(nodes: &[&'static str], edges: &[(&'static str, &'static str)]) -> Dag<&'static str> {
    Dag::new(nodes.iter().copied(), edges.iter().copied()).unwrap()
}

fn refusal(nodes: &[&'static str], edges: &[(&'static str, &'static str)]) -> String {
    Dag::new(nodes.iter().copied(), edges.iter().copied()).unwrap_err().to_string()
}

#[test]
fn s21_what_is_no_dag_is_refused_by_name() {
    for (nodes, edges, message) in [
        (&["a", "a"][..], &[][..], "there are two nodes named `a`"),
        (&["a"], &[("x", "a")], "`a` is joined with `x`, which does not exist"),
        (&["a"], &[("a", "x")], "`a` is joined with `x`, which does not exist"),
        (&["a"], &[("a", "a")], "a → a is a cycle"),
        (&["a", "b"], &[("a", "b"), ("b", "a")], "a → b → a is a cycle"),
        (
            &["tail", "a", "b", "c", "head"],
            &[("head", "b"), ("c", "tail"), ("a", "b"), ("b", "c"), ("c", "a")],
            "a → b → c → a is a cycle",
        ),
    ] {
        assert_eq!(refusal(nodes, edges), message);
    }
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let length = 200_000;
    let edges = (1..length).map(|i| (i - 1, i));
    let dag = Dag::new(0..length, edges).unwrap();
    assert_eq!(dag.needs(Node(length - 1)), [Node(length - 2)]);
    let ring = (0..length).map(|i| (i, (i + 1) % length));
    let Err(DagError::Cycle(path)) = Dag::new(0..length, ring) else { panic!("a ring is a cycle") };
    assert_eq!((path.len(), path[0], path[1], path[length]), (length + 1, 0, 1, 0));
}

#[test]
fn a_doubled_edge_counts_once() {
    let dag = dag(&["a", "b"], &[("a", "b"), ("a", "b")]);
    let mut progress = Progress::new(&dag);
    progress.start(Node(0)).unwrap();
    progress.finish(Node(0), Verdict::Done).unwrap();
    assert_eq!(progress.ready().collect::<Vec<_>>(), [Node(1)]);
}

#[test]
fn s17_dependents_of_a_failed_node_are_skipped_and_name_it() {
    let dag = dag(&["list", "read", "sum", "other"], &[("list", "read"), ("read", "sum")]);
    let [list, read, sum, other] = [0, 1, 2, 3].map(Node);
    let mut progress = Progress::new(&dag);
    progress.start(list).unwrap();
    progress.start(other).unwrap();
    assert_eq!(progress.finish(list, Verdict::Failed), Ok(vec![read, sum]));
    assert_eq!(progress.state(sum), Some(State::Skipped { because: list }));
    assert!(!progress.is_over(), "`other` still runs");
    progress.finish(other, Verdict::Done).unwrap();
    assert!(progress.is_over());
    assert_eq!(progress.counts(), Counts { done: 1, failed: 1, skipped: 2, ..Counts::default() });
}

#[test]
fn stopping_skips_what_has_not_started() {
    let dag = dag(&["a", "b", "c"], &[("b", "c")]);
    let [a, b, c] = [0, 1, 2].map(Node);
    let mut progress = Progress::new(&dag);
    progress.start(a).unwrap();
    progress.finish(a, Verdict::Failed).unwrap();
    assert_eq!(progress.stop(a), vec![b, c]);
    assert!(progress.is_over());
}

#[test]
fn nothing_starts_or_ends_twice() {
    let dag = dag(&["a", "b"], &[("a", "b")]);
    let [a, b] = [0, 1].map(Node);
    let mut progress = Progress::new(&dag);
    let out = |node, state| Err(OutOfTurn { node, state });
    assert_eq!(progress.start(b), out(b, State::Waiting));
    assert_eq!(progress.finish(a, Verdict::Done).unwrap_err().state, State::Ready);
    progress.start(a).unwrap();
    assert_eq!(progress.start(a), out(a, State::Running));
    progress.finish(a, Verdict::Done).unwrap();
    assert_eq!(progress.finish(a, Verdict::Done).unwrap_err().state, State::Done);
    assert_eq!(progress.start(Node(7)), out(Node(7), State::Waiting));
}

#[tokio::test(start_paused = true)]
async fn s21_a_diamond_takes_its_critical_path_and_each_node_runs_once() {
    let dag = dag(&["a", "b", "c", "d"], &[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
    let start = after(0);
    let log = RefCell::new(Vec::new());
    let progress = run(&dag, OnFailure::GoOn, async |node| {
        pass(10).await;
        log.borrow_mut().push(dag.name(node).copied().unwrap());
        Verdict::Done
    })
    .await;
    assert_eq!((after(0) - start).as_millis(), 30, "b and c overlap");
    let log = log.into_inner();
    assert_eq!((log.len(), log[0], log[3]), (4, "a", "d"));
    assert_eq!(progress.counts().done, 4);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_the_pass_or_only_its_own_branch() {
    let dag = dag(&["bad", "after", "x", "y"], &[("bad", "after"), ("x", "y")]);
    for (rule, done, skipped) in [(OnFailure::GoOn, 2, 1), (OnFailure::Stop, 1, 2)] {
        let progress = run(&dag, rule, async |node| {
            let bad = dag.name(node) == Some(&"bad");
            pass(if bad { 1 } else { 10 }).await;
            if bad { Verdict::Failed } else { Verdict::Done }
        })
        .await;
        let counts = progress.counts();
        assert_eq!((counts.done, counts.failed, counts.skipped), (done, 1, skipped), "{rule:?}");
        assert!(progress.is_over());
    }
}

#[tokio::test(start_paused = true)]
async fn s21_outputs_are_passed_on_and_what_failed_is_skipped_or_overlooked() {
    let dag = dag(&["a", "bad", "sum", "after"], &[("a", "sum"), ("bad", "sum"), ("sum", "after")]);
    let [a, bad, sum, _] = [0, 1, 2, 3].map(Node);
    let step = async |node, inputs: Inputs<u32>| {
        pass(1).await;
        assert!(inputs.iter().all(|(need, _)| dag.needs(node).contains(&need)) && inputs.get(bad).is_none());
        if node == bad { Err("bad") } else { Ok(inputs.iter().map(|(_, value)| value).sum::<u32>() + 1) }
    };
    let done = |value| End::Done(std::sync::Arc::new(value));
    let skipped = End::Skipped { because: bad };
    let ends = evaluate(&dag, OnFailure::GoOn, step).await;
    assert_eq!(ends, [done(1), End::Failed("bad"), skipped.clone(), skipped]);
    let ends = evaluate(&dag, OnFailure::Overlook, step).await;
    assert_eq!(ends, [done(1), End::Failed("bad"), done(2), done(3)]);
    assert_eq!((dag.needs(sum).first(), dag.name(a)), (Some(&a), Some(&"a")));
    let counts = run(&dag, OnFailure::Overlook, async |_| Verdict::Failed).await.counts();
    assert_eq!(counts, Counts { failed: 4, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn s21_dropping_the_whole_ends_what_runs_and_starts_no_more() {
    let dag = dag(&["a", "b", "c"], &[("a", "c"), ("b", "c")]);
    let started = RefCell::new(Vec::new());
    let ended = RefCell::new(0);
    let whole = run(&dag, OnFailure::GoOn, async |node| {
        started.borrow_mut().push(node);
        pass(10).await;
        *ended.borrow_mut() += 1;
        Verdict::Done
    });
    assert!(crate::timer::before(&crate::testing::Paused, Some(after(5)), whole).await.is_none());
    pass(100).await;
    assert_eq!((started.into_inner().len(), ended.into_inner()), (2, 0));
}

/// The time of the longest path that ends in each node.
fn longest(dag: &Dag<usize>, times: &[u64]) -> Vec<u64> {
    let mut ends = vec![0; dag.len()];
    for node in dag.nodes() {
        let ready = dag.needs(node).iter().map(|need| ends[need.0]).max().unwrap_or(0);
        ends[node.0] = ready + times[node.0];
    }
    ends
}

/// The shapes that the original was measured on, 10 ms a node: (name, edges, critical path).
#[tokio::test(start_paused = true)]
async fn s21_a_pass_takes_its_critical_path_for_10_and_for_100_nodes() {
    let diamond = |size: usize| {
        let middle = 1..size - 1;
        (size, middle.clone().map(|i| (0, i)).chain(middle.map(|i| (i, size - 1))).collect::<Vec<_>>())
    };
    let layers = (99, (33..99).flat_map(|i| (0..33).map(move |j| (i / 33 * 33 - 33 + j, i))).collect());
    let chains = (20, (0..10).map(|i| (2 * i, 2 * i + 1)).collect());
    let chain = (10, (1..10).map(|i| (i - 1, i)).collect());
    for ((size, edges), millis) in [(diamond(10), 30), (diamond(100), 30), (layers, 30), (chains, 20), (chain, 100)] {
        let dag = Dag::new(0..size, edges).unwrap();
        let (start, runs) = (after(0), RefCell::new(vec![0; size]));
        run(&dag, OnFailure::GoOn, async |node| {
            runs.borrow_mut()[node.0] += 1;
            pass(10).await;
            Verdict::Done
        })
        .await;
        assert_eq!(((after(0) - start).as_millis(), runs.into_inner()), (millis, vec![1; size]));
    }
}

/// Edges that lead from a lower number to a higher one: never a cycle.
fn graphs() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
    (1_usize..30).prop_flat_map(|size| {
        let edges = prop::collection::vec((0..size, 0..size), 0..60).prop_map(|mut edges| {
            edges.retain(|(a, b)| a < b);
            edges
        });
        (Just(size), edges)
    })
}

proptest! {
    #[test]
    fn every_node_ends_exactly_once_and_never_before_what_it_needs(
        (size, edges) in graphs(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..10), 200),
    ) {
        let names: Vec<usize> = (0..size).collect();
        let dag = Dag::new(names, edges).unwrap();
        let mut progress = Progress::new(&dag);
        let mut running: Vec<Node> = Vec::new();
        let mut ended: BTreeMap<Node, Verdict> = BTreeMap::new();
        let mut skipped: Vec<Node> = Vec::new();
        for (pick, chance) in picks.iter().cycle() {
            if progress.is_over() {
                break;
            }
            let ready: Vec<Node> = progress.ready().collect();
            let start = !ready.is_empty() && (running.is_empty() || *chance < 5);
            if start {
                let node = ready[pick.index(ready.len())];
                for need in dag.needs(node) {
                    prop_assert_eq!(ended.get(need), Some(&Verdict::Done));
                }
                prop_assert!(progress.start(node).is_ok());
                running.push(node);
            } else {
                let node = running.remove(pick.index(running.len()));
                let verdict = if *chance == 9 { Verdict::Failed } else { Verdict::Done };
                skipped.extend(progress.finish(node, verdict).unwrap());
                prop_assert!(ended.insert(node, verdict).is_none(), "ended twice");
            }
            let c = progress.counts();
            prop_assert_eq!(c.waiting + c.ready + c.running + c.done + c.failed + c.skipped, dag.len());
        }
        prop_assert!(running.is_empty());
        prop_assert_eq!(ended.len() + skipped.len(), size);
        for node in skipped {
            let State::Skipped { because } = progress.state(node).unwrap() else {
                return Err(TestCaseError::fail("told as skipped, but is not"));
            };
            prop_assert_eq!(ended.get(&because), Some(&Verdict::Failed));
            prop_assert!(!ended.contains_key(&node));
        }
    }

    #[test]
    fn s21_each_node_starts_the_instant_that_the_last_of_its_needs_ends(
        (size, edges) in graphs(),
        times in prop::collection::vec(0_u64..20, 30),
        bad in prop::collection::vec(0_u8..20, 30),
    ) {
        let dag = Dag::new(0..size, edges).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let ends = runtime.block_on(async {
            let start = after(0);
            let expected = longest(&dag, &times);
            evaluate(&dag, OnFailure::GoOn, async |node, inputs: Inputs<u64>| {
                let begun = (after(0) - start).as_millis() as u64;
                assert_eq!(begun, expected[node.0] - times[node.0]);
                assert_eq!(inputs.iter().map(|(_, end)| *end).max().unwrap_or(0), begun, "its needs, and they alone");
                pass(times[node.0]).await;
                if bad[node.0] == 0 { Err(()) } else { Ok(begun + times[node.0]) }
            })
            .await
        });
        let expected = longest(&dag, &times);
        for node in dag.nodes() {
            let bad_need = dag.needs(node).iter().any(|need| !matches!(ends[need.0], End::Done(_)));
            match &ends[node.0] {
                End::Done(end) => prop_assert!(!bad_need && **end == expected[node.0]),
                End::Failed(()) => prop_assert!(!bad_need && bad[node.0] == 0),
                End::Skipped { because } => prop_assert!(bad_need && ends[because.0] == End::Failed(())),
            }
        }
    }

    #[test]
    fn a_graph_is_a_dag_or_names_a_cycle_of_its_own_edges(
        size in 1_usize..12,
        edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..30),
    ) {
        let edges: Vec<_> = edges.into_iter().map(|(a, b)| (a % size, b % size)).collect();
        match Dag::new(0..size, edges.clone()) {
            Ok(dag) => {
                let mut progress = Progress::new(&dag);
                for _ in 0..size {
                    let node = progress.ready().next().unwrap();
                    progress.start(node).unwrap();
                    progress.finish(node, Verdict::Done).unwrap();
                }
                prop_assert_eq!(progress.counts().done, size);
            }
            Err(DagError::Cycle(path)) => {
                prop_assert!(path.len() > 1 && path.first() == path.last());
                for pair in path.windows(2) {
                    prop_assert!(edges.contains(&(pair[0], pair[1])));
                }
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
