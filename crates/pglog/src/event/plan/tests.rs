//! Plans of real servers, shortened, and texts that are none.

use proptest::prelude::*;

use super::*;

fn read_plan(text: &str) -> Meaning<'_> {
    read(text, Duration::from_micros(1234), false)
}

/// PostgreSQL 18, `auto_explain.log_verbose = on`.
const TEXT: &str = "Query Text: SELECT a  (cost=fake\nFROM big WHERE id < $1
Query Parameters: $1 = '10'
Aggregate  (cost=536.02..536.03 rows=1 width=8) (actual time=2.655..2.656 rows=1.00 loops=1)
  Output: count(*)
  ->  Seq Scan on public.big  (cost=0.00..536.00 rows=9 width=0) (actual time=0.012..2.651 rows=9.00 loops=1)
        Filter: (big.id < 10)
Query Identifier: 3403078477059308913";

#[test]
fn text_is_split_into_query_parameters_and_plan() {
    let meaning = read_plan(TEXT);
    assert_eq!(meaning.event, Some(Event::StatementAutoExplain));
    assert_eq!(meaning.statement.as_deref(), Some("SELECT a  (cost=fake\nFROM big WHERE id < $1"));
    assert_eq!(meaning.parameters, [Some("10".into())]);
    assert_eq!(meaning.query_id, Some(3_403_078_477_059_308_913));
    let Some(Plan::Text(plan)) = meaning.plan else { panic!("{:?}", meaning.plan) };
    assert!(plan.starts_with("Aggregate  (cost=536.02"), "{plan}");
}

#[test]
fn json_becomes_compact_and_keeps_its_numbers() {
    let text = "{\n  \"Query Text\": \"SELECT '\\\"a\\n\\\\'\",\n  \"Query Identifier\": -3403078477059308913,\n  \
        \"Plan\": {\n    \"Node Type\": \"Result\",\n    \"Actual Rows\": 1.00,\n    \"Output\": [ ],\n    \
        \"Plans\": [\n      {\n        \"Query Text\": \"inner\" } ]\n  }\n}";
    let meaning = read_plan(text);
    assert_eq!(meaning.event, Some(Event::StatementPlan));
    assert_eq!(meaning.statement.as_deref(), Some("SELECT '\"a\n\\'"));
    assert_eq!(meaning.query_id, Some(-3_403_078_477_059_308_913));
    let compact = "{\"Query Text\":\"SELECT '\\\"a\\n\\\\'\",\"Query Identifier\":-3403078477059308913,\
        \"Plan\":{\"Node Type\":\"Result\",\"Actual Rows\":1.00,\"Output\":[],\
        \"Plans\":[{\"Query Text\":\"inner\"}]}}";
    assert_eq!(meaning.plan, Some(Plan::Json(compact.into())));
}

#[test]
fn json_that_is_cut_stays_text() {
    for text in
        ["{", "{\"Query Text\": \"SELECT", "{\"a\": 1", "{\"a\": [1}", "{} x", "{\"a\": 01}"]
    {
        let meaning = read_plan(text);
        assert_eq!(meaning.plan, Some(Plan::Text(text.into())), "{text}");
        assert_eq!(meaning.fields.get("format"), Some(&"json".into()));
    }
}

#[test]
fn xml_is_unescaped_where_it_is_read() {
    let text = "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  \
        <Query-Text>SELECT 1 &lt; 2 &amp;&amp; '&amp;lt;'</Query-Text>\n  \
        <Query-Parameters>$1 = 'a&gt;b', $2 = NULL</Query-Parameters>\n  <Plan>\n  </Plan>\n  \
        <Query-Identifier>12</Query-Identifier>\n</explain>";
    let meaning = read_plan(text);
    assert_eq!(meaning.statement.as_deref(), Some("SELECT 1 < 2 && '&lt;'"));
    assert_eq!(meaning.parameters, [Some("a>b".into()), None]);
    assert_eq!(meaning.query_id, Some(12));
    assert_eq!(meaning.plan, Some(Plan::Text(text.into())));
}

#[test]
fn yaml_has_its_query_on_one_line() {
    let text = "Query Text: \"SELECT\\n\\\"a\\\"\"\nQuery Parameters: \"$1 = '1'\"\nPlan: \n  \
        Node Type: \"Result\"\nQuery Identifier: 7";
    let meaning = read_plan(text);
    assert_eq!(meaning.statement.as_deref(), Some("SELECT\n\"a\""));
    assert_eq!(meaning.parameters, [Some("1".into())]);
    assert_eq!((meaning.query_id, meaning.event), (Some(7), Some(Event::StatementPlan)));
}

#[test]
fn query_without_a_plan_is_kept() {
    let meaning = read("Query Text: SELECT 1\nFROM", Duration::ZERO, true);
    assert_eq!(meaning.statement.as_deref(), Some("SELECT 1\nFROM"));
}

#[test]
fn query_that_is_full_of_costs_is_read_once() {
    let text = "Query Text: SELECT '".to_owned() + &"  (cost=".repeat(200_000);
    let meaning = read(&text, Duration::ZERO, true);
    assert_eq!(meaning.statement.map(|sql| sql.len()), Some(text.len() - "Query Text: ".len()));
}

/// Any JSON, and text that resembles it.
fn json_like() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(","),
            Just(":"),
            Just("\"a\""),
            Just("\"\\u00e9\""),
            Just("1.5e3"),
            Just("-0"),
            Just("true"),
            Just("null"),
            Just(" "),
            Just("\"Query Text\""),
        ],
        0..12,
    )
    .prop_map(|pieces| "{".to_owned() + &pieces.concat())
}

proptest! {
    #[test]
    fn what_is_called_json_is_json(text in prop_oneof![json_like(), any::<String>()]) {
        let ours = json::read(&text).map(|(compact, _)| compact);
        let theirs = serde_json::from_str::<serde_json::Value>(&text).ok().filter(|_| text.starts_with('{'));
        let ours = ours.map(|compact| serde_json::from_str::<serde_json::Value>(&compact).unwrap());
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        read_plan(&text);
        read_plan(&format!("Query Text: {text}"));
        read_plan(&format!("Query Text: \"{text}"));
        read_plan(&format!("<Query-Text>{text}</Query-Text>"));
    }
}
