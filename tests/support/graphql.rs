//! The part of GraphQL, and of GitHub's schema, that a catalogue needs: queries are parsed and checked, not looked at.

use graphql_parser::query::{
    Definition, Document, Field, FragmentDefinition, InlineFragment, OperationDefinition, Query, Selection,
    SelectionSet, Type, TypeCondition, Value as Argument,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// More objects than this in one query are refused.
const MOST: usize = 100;

/// The fields of a type, and the types of those that are objects.
fn fields(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "RateLimit" => &[("cost", ""), ("limit", ""), ("remaining", ""), ("resetAt", ""), ("used", "")],
        "Repository" => &[
            ("__typename", ""),
            ("databaseId", ""),
            ("name", ""),
            ("nameWithOwner", ""),
            ("stargazerCount", ""),
            ("isArchived", ""),
            ("isDisabled", ""),
            ("isEmpty", ""),
            ("pushedAt", ""),
            ("url", ""),
            ("defaultBranchRef", "Ref"),
        ],
        "Ref" => &[("__typename", ""), ("name", ""), ("target", "GitObject")],
        "GitObject" => &[("__typename", ""), ("oid", "")],
        "Commit" => &[("__typename", ""), ("oid", ""), ("committedDate", "")],
        _ => &[],
    }
}

/// What is asked of the server: the owner and the name, and whether a former name will do. The answer is an object of
/// type `Repository`, or the type and the message of an error.
pub(crate) type Find<'a> = dyn FnMut(&str, &str, bool) -> Result<Value, (String, String)> + 'a;

/// The answer to the body of a request; `rate` is an object of type `RateLimit`.
pub(crate) fn answer(body: &[u8], rate: &Value, find: &mut Find) -> Value {
    run(body, rate, find).unwrap_or_else(|message| json!({"errors": [{"message": message}]}))
}

/// A query that was read, and its variables.
struct Asked<'a> {
    query: &'a Query<'a, String>,
    fragments: BTreeMap<&'a str, &'a FragmentDefinition<'a, String>>,
    variables: BTreeMap<&'a str, &'a Value>,
}

fn run(body: &[u8], rate: &Value, find: &mut Find) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "Problems parsing JSON")?;
    let text = body["query"].as_str().ok_or("A query attribute must be specified and must be a string.")?;
    let document = graphql_parser::parse_query::<String>(text).map_err(|error| error.to_string())?;
    let asked = Asked::read(&document, &body["variables"])?;
    let items = &asked.query.selection_set.items;
    if items.len() > MOST + 1 {
        return Err("This query exceeds the resource limits".to_owned());
    }
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for item in items {
        let Selection::Field(field) = item else {
            return Err("the test knows fields only at the root".to_owned());
        };
        let key = field.alias.as_ref().unwrap_or(&field.name);
        if data.contains_key(key) {
            return Err(format!("Field '{key}' has an argument conflict"));
        }
        let value = match field.name.as_str() {
            "rateLimit" => {
                asked.check(&field.selection_set, "RateLimit")?;
                asked.part(rate, &field.selection_set)
            }
            "repository" => {
                asked.check(&field.selection_set, "Repository")?;
                let (owner, name, follows) = asked.name_in(field)?;
                find(&owner, &name, follows).map_or_else(
                    |(kind, message)| {
                        let at = json!([{"line": field.position.line, "column": field.position.column}]);
                        errors
                            .push(json!({"type": kind, "path": [key], "locations": at, "message": message}));
                        Value::Null
                    },
                    |repository| asked.part(&repository, &field.selection_set),
                )
            }
            other => return Err(format!("Field '{other}' doesn't exist on type 'Query'")),
        };
        data.insert(key.clone(), value);
    }
    Ok(if errors.is_empty() { json!({"data": data}) } else { json!({"data": data, "errors": errors}) })
}

impl<'a> Asked<'a> {
    fn read(document: &'a Document<'a, String>, variables: &'a Value) -> Result<Asked<'a>, String> {
        let (mut query, mut fragments) = (None, BTreeMap::new());
        for definition in &document.definitions {
            match definition {
                Definition::Operation(OperationDefinition::Query(one)) if query.is_none() => {
                    query = Some(one);
                }
                Definition::Fragment(fragment) => {
                    fragments.insert(fragment.name.as_str(), fragment);
                }
                Definition::Operation(_) => return Err("the test wants one `query`".to_owned()),
            }
        }
        let query = query.ok_or("No query string was present")?;
        let mut given = BTreeMap::new();
        for definition in &query.variable_definitions {
            let name = definition.name.as_str();
            let is_text = matches!(&definition.var_type,
                Type::NonNullType(inner) if matches!(&**inner, Type::NamedType(kind) if kind == "String"));
            let value = &variables[name];
            if !is_text || !value.is_string() {
                return Err(format!("Variable ${name} of type String! was provided invalid value"));
            }
            given.insert(name, value);
        }
        let asked = Asked { query, fragments, variables: given };
        asked.check_use()?;
        Ok(asked)
    }

    /// Every variable and every fragment must be used.
    fn check_use(&self) -> Result<(), String> {
        let mut unused: BTreeSet<&str> = self.variables.keys().copied().collect();
        for item in &self.query.selection_set.items {
            let Selection::Field(field) = item else { continue };
            for (_, value) in &field.arguments {
                if let Argument::Variable(name) = value {
                    unused.remove(name.as_str());
                }
            }
        }
        match unused.first() {
            Some(name) => Err(format!("Variable ${name} is declared by anonymous query but not used")),
            None => Ok(()),
        }
    }

    /// The owner, the name, and whether a former name will do.
    fn name_in(&self, field: &Field<'a, String>) -> Result<(String, String, bool), String> {
        let mut texts = BTreeMap::new();
        let mut follows = true;
        for (name, value) in &field.arguments {
            match (name.as_str(), value) {
                ("owner" | "name", Argument::Variable(variable)) => {
                    let value = self.variables.get(variable.as_str()).and_then(|value| value.as_str());
                    let value = value.ok_or(format!("Variable ${variable} is used but not declared"))?;
                    texts.insert(name.as_str(), value.to_owned());
                }
                // Names are variables, and never a part of the query.
                ("owner" | "name", _) => return Err("the test wants names as variables".to_owned()),
                ("followRenames", Argument::Boolean(value)) => follows = *value,
                _ => return Err(format!("Field 'repository' doesn't accept argument '{name}'")),
            }
        }
        let mut text = |name| texts.remove(name).ok_or(format!("Field 'repository' is missing '{name}'"));
        Ok((text("owner")?, text("name")?, follows))
    }

    /// Checks that this may be asked of an object of this type.
    fn check(&self, set: &SelectionSet<'a, String>, kind: &str) -> Result<(), String> {
        if set.items.is_empty() {
            return Err(format!("Field must have selections (returns {kind} but has no selections)"));
        }
        for item in &set.items {
            match item {
                Selection::Field(field) => {
                    let known = fields(kind).iter().find(|(name, _)| *name == field.name);
                    match known {
                        Some((_, "")) if field.selection_set.items.is_empty() => {}
                        Some((_, inner)) if !inner.is_empty() => self.check(&field.selection_set, inner)?,
                        _ => return Err(format!("Field '{}' doesn't exist on type '{kind}'", field.name)),
                    }
                }
                _ => self.inner(item).and_then(|(on, set)| match (kind, on) {
                    (kind, on) if kind == on => self.check(set, on),
                    ("GitObject", "Commit") => self.check(set, "Commit"),
                    _ => Err(format!("Fragment on {on} can't be spread inside {kind}")),
                })?,
            }
        }
        Ok(())
    }

    /// What stands in a fragment, and for which type.
    fn inner<'b>(
        &'b self,
        item: &'b Selection<'a, String>,
    ) -> Result<(&'b str, &'b SelectionSet<'a, String>), String> {
        match item {
            Selection::FragmentSpread(spread) => {
                let name = spread.fragment_name.as_str();
                let found =
                    self.fragments.get(name).ok_or(format!("Fragment {name} was used but not defined"))?;
                let TypeCondition::On(on) = &found.type_condition;
                Ok((on, &found.selection_set))
            }
            Selection::InlineFragment(InlineFragment { type_condition: Some(on), selection_set, .. }) => {
                let TypeCondition::On(on) = on;
                Ok((on, selection_set))
            }
            _ => Err("the test wants a type for each fragment".to_owned()),
        }
    }

    /// What was asked of an object.
    fn part(&self, object: &Value, set: &SelectionSet<'a, String>) -> Value {
        let mut map = Map::new();
        self.fill(&mut map, object, set);
        Value::Object(map)
    }

    fn fill(&self, map: &mut Map<String, Value>, object: &Value, set: &SelectionSet<'a, String>) {
        for item in &set.items {
            if let Selection::Field(field) = item {
                let key = field.alias.as_ref().unwrap_or(&field.name);
                let value = match &object[&field.name] {
                    inner @ Value::Object(_) => self.part(inner, &field.selection_set),
                    other => other.clone(),
                };
                map.insert(key.clone(), value);
            } else if let Ok((_, set)) = self.inner(item) {
                self.fill(map, object, set);
            }
        }
    }
}

const QUERY: &str = "query($o0:String!,$n0:String!,$o1:String!,$n1:String!){
  rateLimit{cost remaining resetAt}
  r0:repository(owner:$o0,name:$n0,followRenames:true){...F}
  r1:repository(owner:$o1,name:$n1,followRenames:true){...F}
}
fragment F on Repository{databaseId nameWithOwner stargazerCount isArchived isDisabled pushedAt
  defaultBranchRef{name target{... on Commit{oid committedDate}}}}";

fn ask(query: &str, variables: &Value) -> Value {
    let rate = json!({"cost": 1, "remaining": 4_998, "resetAt": "2026-11-20T16:00:00Z"});
    let target = json!({"oid": "abc", "committedDate": "2026-11-19T07:59:00Z"});
    let known = json!({
        "databaseId": 1, "nameWithOwner": "Lab/Tool", "stargazerCount": 4_700, "isArchived": false, "isDisabled": false,
        "pushedAt": "2026-11-19T08:00:00Z", "defaultBranchRef": {"name": "main", "target": target},
    });
    let body = json!({"query": query, "variables": variables}).to_string();
    answer(body.as_bytes(), &rate, &mut |owner, _, _| match owner {
        "lab" => Ok(known.clone()),
        _ => Err(("NOT_FOUND".to_owned(), "Could not resolve".to_owned())),
    })
}

#[test]
fn a_query_is_answered_for_each_alias_and_what_is_missing_is_null_and_an_error() {
    let answer = ask(QUERY, &json!({"o0": "nobody", "n0": "x", "o1": "lab", "n1": "tool"}));
    assert_eq!((&answer["data"]["r0"], &answer["errors"][0]["path"]), (&Value::Null, &json!(["r0"])));
    assert_eq!(answer["data"]["r1"]["defaultBranchRef"]["target"]["oid"], "abc");
    assert_eq!(
        answer["data"]["rateLimit"],
        json!({"cost": 1, "remaining": 4_998, "resetAt": "2026-11-20T16:00:00Z"})
    );
}

#[test]
fn a_query_that_github_would_refuse_is_refused() {
    let names = json!({"o0": "lab", "n0": "x", "o1": "lab", "n1": "tool"});
    let many = (0..102).map(|at| format!("a{at}:repository(owner:$o0,name:$n0){{url}}"));
    let many = many.collect::<Vec<_>>().concat();
    for (from, to) in [
        ("databaseId", "dataBaseId"),
        ("r1:", "r0:"),
        ("$n1:String!", "$n1:String"),
        ("name:$n1", "name:\"tool\""),
        ("... on Commit{oid committedDate}", "oid committedDate"),
        ("...F}\n  r1", "...G}\n  r1"),
        ("pushedAt", "defaultBranchRef"),
        ("}\nfragment", &format!("{many}}}\nfragment")),
        ("}\nfragment", "fragment"),
    ] {
        let answer = ask(&QUERY.replacen(from, to, 1), &names);
        assert!(answer["data"].is_null() && !answer["errors"].is_null(), "{to}: {answer}");
    }
    let missing = ask(QUERY, &json!({"o0": "lab", "n0": "x", "o1": "lab"}));
    assert!(missing["data"].is_null(), "{missing}");
}
