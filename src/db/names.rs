//! The names in a statement, by where SQL puts the names of relations and routines. It knows no more of the grammar
//! than that: the catalogue decides afterwards which names exist, so one too many does no harm.

use std::collections::BTreeSet;

use super::Touched;
use super::token::{Token, tokens};

/// A name as the statement writes it, quotes and schema included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) usage: Usage,
}

/// What a statement does with what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Usage {
    Read,
    Write,
    Call,
}

/// The clauses that end a list of relations.
const ENDS_RELATIONS: &[&str] = &[
    "except",
    "fetch",
    "for",
    "group",
    "having",
    "intersect",
    "limit",
    "offset",
    "order",
    "returning",
    "select",
    "set",
    "union",
    "values",
    "when",
    "where",
    "window",
];

/// Words that may stand between a clause and the name it is about.
const BEFORE_NAME: &[&str] = &["concurrently", "exists", "if", "lateral", "materialized", "not", "only", "table"];

/// The names in a statement, or in several, and what they are used for.
pub(super) fn names(sql: &str) -> BTreeSet<Named> {
    let tokens = tokens(sql);
    let own = common_tables(&tokens);
    let mut walk = Walk { tokens: &tokens, groups: Vec::new(), list: None, next: None, found: BTreeSet::new() };
    (0..tokens.len()).for_each(|place| walk.step(place));
    walk.found.retain(|named| !own.contains(&named.name.to_lowercase()));
    walk.found
}

/// What a statement touches, as `look_up` finds it in the catalogue. What is written and read is written.
pub(super) fn touched(sql: &str, mut look_up: impl FnMut(&Named) -> Option<Touched>) -> Vec<Touched> {
    let found: BTreeSet<Touched> = names(sql).iter().filter_map(&mut look_up).collect();
    let written: BTreeSet<(Option<String>, String)> = found
        .iter()
        .filter(|object| object.written)
        .map(|object| (object.schema.clone(), object.name.clone()))
        .collect();
    let only_written =
        |object: &Touched| object.written || !written.contains(&(object.schema.clone(), object.name.clone()));
    found.into_iter().filter(only_written).collect()
}

/// The parts of a name, without their quotes.
pub(super) fn parts(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                part.push('"');
            }
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(std::mem::take(&mut part)),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    parts
}

/// The tables that the statement makes for itself: `WITH name (columns) AS (..)`.
fn common_tables(tokens: &[Token]) -> BTreeSet<String> {
    let mut own = BTreeSet::new();
    for (place, token) in tokens.iter().enumerate() {
        let opens = place > 0 && [",", "recursive", "with"].iter().any(|before| tokens[place - 1].is(before));
        let mut behind = &tokens[place + 1..];
        if opens && behind.first().is_some_and(|next| next.is("(")) {
            let close = behind.iter().position(|token| token.is(")")).map_or(behind.len(), |close| close + 1);
            behind = &behind[close..];
        }
        if let (true, Some(name), Some(next)) = (opens, token.name(), behind.first())
            && next.is("as")
        {
            own.insert(name.to_lowercase());
        }
    }
    own
}

/// An open parenthesis.
struct Group {
    /// The arguments of a call, where `FROM` is no clause: `extract(year FROM day)`.
    is_call: bool,
    /// The list that goes on behind it.
    list: Option<Usage>,
}

struct Walk<'a> {
    tokens: &'a [Token],
    groups: Vec<Group>,
    /// What the names of the list are that a comma goes on with.
    list: Option<Usage>,
    /// What the next name is.
    next: Option<Usage>,
    found: BTreeSet<Named>,
}

impl Walk<'_> {
    fn step(&mut self, place: usize) {
        let token = &self.tokens[place];
        let before = place.checked_sub(1).map(|place| &self.tokens[place]);
        let is_before = |words: &[&str]| before.is_some_and(|before| words.iter().any(|word| before.is(word)));
        let after = self.tokens.get(place + 1);
        let opens = after.is_some_and(|after| after.is("("));
        if token.is("(") {
            let is_call = self.next.is_none() && before.is_some_and(|before| before.name().is_some());
            self.groups.push(Group { is_call, list: self.list });
            // relations in parentheses go on as such; a query says itself what comes
            self.list = self.next;
        } else if token.is(")") {
            self.list = self.groups.pop().and_then(|group| group.list);
            self.next = None;
        } else if token.is(",") {
            self.next = self.list;
        } else if token.is(";") {
            self.groups.clear();
            (self.list, self.next) = (None, None);
        } else if self.next.is_some() && BEFORE_NAME.iter().any(|word| token.is(word)) {
        } else if let Some(name) = token.name() {
            match self.next.take() {
                Some(usage) => {
                    // a routine can stand in a list of relations, and nowhere else where a relation can
                    let is_call = opens && self.list == Some(Usage::Read);
                    let usage = if is_call { Usage::Call } else { usage };
                    self.found.insert(Named { name: name.to_owned(), usage });
                }
                None if opens => {
                    self.found.insert(Named { name: name.to_owned(), usage: Usage::Call });
                }
                None => {}
            }
        } else {
            self.next = self.clause(place, token, &is_before, opens);
        }
    }

    /// What a keyword says of the name behind it.
    fn clause(
        &mut self,
        place: usize,
        token: &Token,
        is_before: &dyn Fn(&[&str]) -> bool,
        opens: bool,
    ) -> Option<Usage> {
        let in_call = self.groups.last().is_some_and(|group| group.is_call);
        let one_of = |words: &[&str]| words.iter().any(|word| token.is(word));
        let (usage, goes_on) = if token.is("from") && is_before(&["delete"]) {
            (Usage::Write, false)
        } else if token.is("from") && !in_call && !is_before(&["distinct"])
            || token.is("join")
            || token.is("using") && !opens
        {
            (Usage::Read, true)
        } else if token.is("truncate") {
            (Usage::Write, true)
        } else if token.is("into") || token.is("update") && !is_before(&["do", "for", "key", "on"]) {
            (Usage::Write, false)
        } else if one_of(&["table", "view"])
            && is_before(&["alter", "create", "drop", "materialized", "temp", "temporary", "unlogged"])
        {
            (Usage::Write, true)
        } else if token.is("copy") {
            let way = self.tokens[place..].iter().find(|token| token.is("from") || token.is("to"));
            (if way.is_some_and(|way| way.is("from")) { Usage::Write } else { Usage::Read }, false)
        } else if one_of(&["references", "table"]) {
            (Usage::Read, false)
        } else {
            if ENDS_RELATIONS.iter().any(|word| token.is(word)) {
                self.list = None;
            }
            return None;
        };
        self.list = goes_on.then_some(usage);
        Some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> String {
        let sign = |usage| match usage {
            Usage::Read => "",
            Usage::Write => "!",
            Usage::Call => "()",
        };
        names(sql).iter().map(|named| format!("{}{}", named.name, sign(named.usage))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn relations_stand_behind_their_clauses() {
        let cases = [
            ("SELECT a, b FROM t", "t"),
            ("select * from s.t as x, \"My Table\" y, only u where x.a = y.b", "\"My Table\" s.t u"),
            ("SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (x), d ORDER BY e, f", "a b c d"),
            ("SELECT * FROM (a CROSS JOIN b), LATERAL (SELECT x, y FROM c) z", "a b c"),
            ("SELECT (SELECT max(x) FROM inner_t), y FROM outer_t", "inner_t max() outer_t"),
            ("WITH x (a, b) AS (SELECT 1, 2 FROM t), y AS MATERIALIZED (TABLE u) SELECT * FROM x, y", "t u"),
            ("SELECT 1 FROM a UNION SELECT 2 FROM b", "a b"),
            ("SELECT * FROM a; SELECT * FROM b WHERE EXISTS (SELECT FROM c)", "a b c"),
        ];
        for (sql, expected) in cases {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_is_written_is_told_from_what_is_read() {
        let cases = [
            ("INSERT INTO t (a, b) SELECT x, y FROM u ON CONFLICT (a) DO UPDATE SET b = 1 RETURNING a, b", "t! u"),
            ("UPDATE ONLY t SET a = s.b FROM s WHERE t.id = s.id", "s t!"),
            ("DELETE FROM t USING s, r WHERE t.a = s.a", "r s t!"),
            ("MERGE INTO t USING (SELECT * FROM s) x ON t.a = x.a WHEN MATCHED THEN DELETE", "s t!"),
            ("TRUNCATE TABLE a, b", "a! b!"),
            (
                "CREATE TABLE IF NOT EXISTS t (id int REFERENCES u (id) ON UPDATE CASCADE, v varchar(3))",
                "t! u varchar()",
            ),
            ("CREATE TEMP TABLE t AS SELECT * FROM u", "t! u"),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", "v!"),
            ("COPY t (a) FROM STDIN", "STDIN t!"),
            ("COPY t TO STDOUT", "t"),
            ("SELECT * INTO n FROM t FOR UPDATE OF t", "n! t"),
            ("WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone", "t! u!"),
        ];
        for (sql, expected) in cases {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }

    #[test]
    fn routines_are_called_and_a_from_inside_a_call_names_nothing() {
        let cases = [
            ("CALL s.refresh(1, 'a')", "s.refresh()"),
            ("SELECT f(a), g ( b ) FROM h(1) AS x (p int, q text)", "f() g() h() x()"),
            (
                "SELECT extract(year FROM day), trim(both from word), substring(a from 2) FROM t",
                "extract() substring() t trim()",
            ),
            ("SELECT * FROM t WHERE a IS DISTINCT FROM b AND c IN (1, 2)", "t"),
        ];
        for (sql, expected) in cases {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }

    #[test]
    fn text_and_comments_name_nothing() {
        let cases = [
            ("SELECT 'it''s FROM x', E'\\' FROM y' FROM t -- FROM z\n, u /* FROM /* a */ b */", "t u"),
            ("DO $body$ SELECT * FROM hidden $body$; SELECT $1 FROM t", "t"),
            ("SELECT U&\"d\\0061t\" FROM \"a\"\"b\" . c", "\"a\"\"b\".c"),
            ("SELECT 1e5, .5, a::numeric FROM t WHERE '", "t"),
            ("", ""),
        ];
        for (sql, expected) in cases {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }
}
