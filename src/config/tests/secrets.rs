//! Passwords are hidden also where the file cannot be understood.

use super::super::secret::{hide, hide_what_looks_secret};

#[test]
fn what_looks_like_a_password_is_hidden_and_nothing_moves() {
    for (text, shown) in [
        ("password = \"abc\"\nx = 1", "password = \"****\nx = 1"),
        ("password='abc' # why", "password='**********"),
        ("\"password\" = \"abc\"", "\"password\" = \"****"),
        ("PassWord = abc", "PassWord = ***"),
        (
            "auth = { username = \"u\", pasword = \"é\" }",
            "auth = { username = \"u\", pasword = \"*****",
        ),
        ("password = \"\"\"a\nb\"\"\"\nx", "password = \"\"\"*\n****\n*"),
        ("password = { env = \"NAME\" }", "password = { env = \"NAME\" }"),
        ("# a password is secret\nx = 1", "# a password is secret\nx = 1"),
        ("pas", "pas"),
    ] {
        assert_eq!(hide_what_looks_secret(text), shown);
        assert_eq!(shown.len(), text.len());
    }
}

#[test]
fn what_is_no_range_of_the_text_hides_nothing() {
    let mut text = "aéb".to_owned();
    hide(&mut text, 2..3);
    hide(&mut text, 3..9);
    assert_eq!(text, "aéb");
    hide(&mut text, 1..3);
    assert_eq!(text, "a**b");
}
