//! The functions, as a caller uses them.

use hotcell::serde;
use hotcell::serde_json::{self, Value, json};

use super::*;

const SALES: &str = "country,item,price,day\n\
    NO,tea,10,2024-03-01\n\
    SE,tea,12.5,2024-01-15\n\
    NO,salt,,2024-02-01\n\
    NO,tea,20,2024-01-02\n\
    SE,\"milk, 1 l\",NA,\n";

fn comma() -> String {
    ",".to_owned()
}

fn json_of(output: &impl serde::Serialize) -> Value {
    serde_json::to_value(output).expect("JSON")
}

fn aggregates(value: Value) -> Vec<Aggregate> {
    serde_json::from_value(value).expect("aggregates")
}

fn described(text: &str, delimiter: &str, header: bool) -> Result<Description, String> {
    describe(text.to_owned(), delimiter.to_owned(), header).map_err(|error| error.to_string())
}

fn grouped(text: &str, by: &[&str], what: Value, sort: Option<&str>, limit: u32) -> Result<Groups, String> {
    let by = by.iter().map(|name| (*name).to_owned()).collect();
    let sort = sort.map(str::to_owned);
    group(text.to_owned(), by, aggregates(what), sort, limit, comma(), true).map_err(|error| error.to_string())
}

#[test]
fn describes_each_column() {
    let description = described(SALES, ",", true).expect("a description");
    assert_eq!(description.rows, 5);
    let columns = json_of(&description.columns);
    assert_eq!(
        columns[0],
        json!({"name": "country", "type": "text", "missing": 0, "distinct": 2, "min": "NO", "max": "SE", "sum": null,
               "mean": null, "median": null, "deviation": null,
               "top": [{"value": "NO", "count": 3}, {"value": "SE", "count": 2}]})
    );
    let price = &columns[2];
    for (key, expect) in [
        ("type", json!("number")),
        ("missing", json!(2)),
        ("distinct", json!(3)),
        ("min", json!(10)),
        ("max", json!(20)),
        ("sum", json!(42.5)),
        ("median", json!(12.5)),
    ] {
        assert_eq!(price[key], expect, "{key}");
    }
    assert_eq!((&columns[3]["type"], &columns[3]["min"]), (&json!("date"), &json!("2024-01-02")));
}

#[test]
fn finds_the_type_of_a_column() {
    for (cells, kind) in [
        ("1\n-2\nNA", Kind::Integer),
        ("1\n2.5", Kind::Number),
        ("true\nFALSE\nnull", Kind::Boolean),
        ("2024-01-01\n2024-01-01T10:00:00Z", Kind::Date),
        ("007\n8", Kind::Text),
        ("1\nx", Kind::Text),
        ("NA\nn/a\n\"\"", Kind::Empty),
    ] {
        let description = described(&format!("a\n{cells}\n"), ",", true).expect(cells);
        assert_eq!(description.columns[0].kind, kind, "{cells}");
    }
}

#[test]
fn reads_what_csv_can_be() {
    for (text, delimiter, header, columns, rows) in [
        ("a,b\r\n1,2\r\n", ",", true, &["a", "b"][..], 1),
        ("\u{feff}a,b\n1,2", ",", true, &["a", "b"], 1),
        ("a;b\n\"1;\n2\";3\n", ";", true, &["a", "b"], 1),
        ("a\tb\n1\t2\n", "tab", true, &["a", "b"], 1),
        ("a|b,c\n1|2\n", "auto", true, &["a", "b,c"], 1),
        ("a;b;c,d\n1;2;3\n", "auto", true, &["a", "b", "c,d"], 1),
        ("only\n1\n", "auto", true, &["only"], 1),
        ("1,2\n3,4\n", ",", false, &["column_1", "column_2"], 2),
        ("a,,a,a\n1,2,3,4\n", ",", true, &["a", "column_2", "a_2", "a_3"], 1),
        ("a,a,a_2\n1,2,3\n", ",", true, &["a", "a_2", "a_2_2"], 1),
        ("a\n\n\n1\n", ",", true, &["a"], 1),
        ("a,b\n", ",", true, &["a", "b"], 0),
    ] {
        let description = described(text, delimiter, header).expect(text);
        let names: Vec<_> = description.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((names.as_slice(), description.rows), (columns, rows), "{text:?}");
    }
}

#[test]
fn says_what_is_wrong_with_a_text() {
    for (text, delimiter, says) in [
        ("", ",", "$.text: is empty"),
        ("a,b\n1,2\n1,2,3\n", ",", "the row at line 3 has 3 fields, but the first has 2"),
        ("a,b\n\"1,2\n3,4\n", ",", "has 1 fields, but the first has 2"),
        (&"a,".repeat(1_000), ",", "has 1001 columns"),
        (&"a\n".repeat(1_000_002), ",", "has more than 1000000 cells"),
        ("a", "ab", "$.delimiter"),
        ("a", "\"", "$.delimiter"),
        ("a", "é", "$.delimiter"),
        ("a", "", "$.delimiter"),
    ] {
        let error = described(text, delimiter, true).expect_err(says);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn groups_in_the_order_of_appearance_or_sorted() {
    let what =
        json!([{"op": "count"}, {"column": "price", "op": "sum", "as": "total"}, {"column": "price", "op": "count"}]);
    let groups = grouped(SALES, &["item"], what.clone(), None, 10).expect("groups");
    assert_eq!(
        json_of(&groups),
        json!({"columns": ["item", "count", "total", "count_price"], "groups": 3, "truncated": false, "rows": [
            {"item": "tea", "count": 3, "total": 42.5, "count_price": 3},
            {"item": "salt", "count": 1, "total": 0, "count_price": 0},
            {"item": "milk, 1 l", "count": 1, "total": 0, "count_price": 0}]})
    );
    for (sort, expect) in [("item", ["milk, 1 l", "salt", "tea"]), ("-count", ["tea", "salt", "milk, 1 l"])] {
        let groups = grouped(SALES, &["item"], what.clone(), Some(sort), 10).expect("groups");
        let items: Vec<_> = groups.rows.iter().map(|row| row["item"].as_str().expect("a text")).collect();
        assert_eq!(items, expect, "{sort}");
    }
    let cut = grouped(SALES, &["item"], what, Some("-total"), 1).expect("groups");
    assert_eq!((cut.rows.len(), cut.groups, cut.truncated), (1, 3, true));
}

#[test]
fn what_is_missing_sorts_last_in_either_direction() {
    let what = json!([{"column": "price", "op": "max", "as": "-max"}]);
    for (sort, expect) in [("-max", ["SE tea", "NO tea", "NO salt"]), ("--max", ["NO tea", "SE tea", "NO salt"])] {
        let groups = grouped(SALES, &["country", "item"], what.clone(), Some(sort), 3).expect("groups");
        let names: Vec<_> =
            groups.rows.iter().map(|row| format!("{} {}", row["country"], row["item"]).replace('"', "")).collect();
        assert_eq!(names, expect, "{sort}");
    }
}

#[test]
fn aggregates_over_all_rows() {
    let what = json!([
        {"op": "count"},
        {"column": "price", "op": "mean"},
        {"column": "price", "op": "median"},
        {"column": "price", "op": "min"},
        {"column": "country", "op": "distinct"},
        {"column": "day", "op": "max"},
        {"column": "item", "op": "min"},
    ]);
    let totals = aggregate(SALES.to_owned(), aggregates(what), comma(), true).expect("totals");
    assert_eq!(
        json_of(&totals),
        json!({"rows": 5, "values": {"count": 5, "mean_price": 42.5 / 3.0, "median_price": 12.5, "min_price": 10,
               "distinct_country": 2, "max_day": "2024-03-01", "min_item": "milk, 1 l"}})
    );
    let none = aggregate(
        "a\n".to_owned(),
        aggregates(json!([{"column": "a", "op": "sum"}, {"column": "a", "op": "mean"}])),
        comma(),
        true,
    );
    assert_eq!(json_of(&none.expect("totals").values), json!({"sum_a": 0, "mean_a": null}));
}

#[test]
fn bad_requests_are_named() {
    let count = json!([{"op": "count"}]);
    for (by, what, sort, limit, says) in [
        (&["nope"][..], count.clone(), None, 10, "$.by[0]: there is no column `nope`; there are `country`, `item`"),
        (&[], count.clone(), None, 10, "$.by: must name 1 to 20 columns"),
        (&["item", "item"], count.clone(), None, 10, "$.by[1]: `item` is named twice"),
        (&["item"], json!([{"op": "sum"}]), None, 10, "$.aggregates[0].column: is missing"),
        (&["item"], json!([{"op": "count"}, {"op": "count"}]), None, 10, "two columns `count`"),
        (&["item"], json!([{"op": "count", "as": "item"}]), None, 10, "two columns `item`"),
        (&["item"], json!([{"op": "sum", "column": "country"}]), None, 10, "row 1 holds `NO`"),
        (&["item"], json!([{"op": "mean", "column": "x"}]), None, 10, "$.aggregates[0].column: there is no column `x`"),
        (&["item"], json!(vec![json!({"op": "count"}); 21]), None, 10, "has 21 items"),
        (&["item"], count.clone(), Some("-x"), 10, "$.sort: the result has no column `-x`"),
        (&["item"], count.clone(), None, 0, "$.limit"),
        (&["item"], count, None, 10_001, "$.limit"),
    ] {
        let error = grouped(SALES, by, what, sort, limit).expect_err(says);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn rows_become_objects_with_types() {
    let convert = |types, offset, limit| to_json(SALES.to_owned(), types, offset, limit, comma(), true).expect("rows");
    let typed = convert(true, 1, 2);
    assert_eq!(
        json_of(&typed),
        json!({"columns": ["country", "item", "price", "day"], "total": 5, "truncated": true, "rows": [
            {"country": "SE", "item": "tea", "price": 12.5, "day": "2024-01-15"},
            {"country": "NO", "item": "salt", "price": null, "day": "2024-02-01"}]})
    );
    let texts = convert(false, 4, 10);
    assert_eq!(
        (json_of(&texts.rows), texts.truncated),
        (json!([{"country": "SE", "item": "milk, 1 l", "price": "NA", "day": ""}]), false)
    );
    assert_eq!(convert(true, 99, 10).rows.len(), 0);
}

#[test]
fn large_texts_stay_within_bounds() {
    let rows = 200_000;
    let text: String = std::iter::once("a_long_name_of_a_column\n".to_owned())
        .chain((0..rows).map(|nth| format!("{nth}\n")))
        .collect();
    let cut = to_json(text.clone(), true, 0, 100_000, comma(), true).expect("rows");
    assert!(cut.truncated && cut.rows.len() > 50_000 && cut.total == rows);
    let error = grouped(&text, &["a_long_name_of_a_column"], json!([]), None, 10).expect_err("too many groups");
    assert!(error.contains("makes 200000 groups"), "{error}");
    let description = described(&text, ",", true).expect("a description");
    assert_eq!((description.columns[0].distinct, description.columns[0].sum), (rows, Some(19_999_900_000.0)));
}
