//! libpq's password file: a password for each host, port, database and user, one in a line.

/// The password of the first line that fits; `*` fits anything, and a backslash takes the next sign as it is.
pub(super) fn password(text: &str, wanted: [&str; 4]) -> Option<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| {
        let [places @ .., password] = fields.as_slice() else { return None };
        let fits = places.len() == wanted.len()
            && places.iter().zip(wanted).all(|(place, wanted)| place == "*" || place == wanted);
        fits.then(|| password.clone())
    })
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        let sign = match sign {
            // The password is the last field and may hold colons.
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => signs.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(field) = fields.last_mut() {
            field.push(sign);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let text =
            "# mine\ndb1:5432:app:maint:one\n*:*:*:maint:t\\:w:o\n/run/pg:5432:*:*:thr\\\\ee\nshort:line\n";
        let of = |host: &str, user: &str| password(text, [host, "5432", "app", user]);
        assert_eq!(of("db1", "maint").as_deref(), Some("one"));
        assert_eq!(of("db2", "maint").as_deref(), Some("t:w:o"));
        assert_eq!(of("/run/pg", "app").as_deref(), Some("thr\\ee"));
        assert_eq!(of("db2", "app"), None);
        assert_eq!(password("", ["a", "b", "c", "d"]), None);
    }
}
