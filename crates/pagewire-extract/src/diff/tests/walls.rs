//! Pages that are not to be believed, and pages that only look so.

use super::*;

fn article() -> String {
    page("The long article", &paragraphs(10))
}

fn bare(title: &str, body: &str) -> String {
    format!("<html><head><title>{title}</title></head><body>{body}</body></html>")
}

/// What stands where the article was; afterwards the article is there again, and nothing was told.
fn stands_in_front(wall: &str, expected: Doubt) {
    let mut series = Series::begun(&article());
    let before = series.state.clone();
    assert_eq!(series.doubt(wall), Some(expected), "{wall}");
    let kept = |state: &Option<String>| {
        let mut state: serde_json::Value =
            serde_json::from_str(state.as_deref().expect("a state")).expect("JSON");
        state.as_object_mut().expect("an object").remove("other");
        state
    };
    assert_eq!(kept(&series.state), kept(&before), "what was kept is kept");
    assert_eq!(series.told(&article()), []);
}

#[test]
fn a_login_is_no_change() {
    stands_in_front(
        &bare(
            "Log in | Acme",
            "<h1>Log in</h1><form>Name <input name=n> Password <input type=password></form>",
        ),
        Doubt::Login,
    );
    stands_in_front(
        &bare("Acme", "<h2>Welcome</h2><form><input name=n><input type=password></form> Forgot it?"),
        Doubt::Login,
    );
    stands_in_front(
        &bare("Acme", "<h1>Please sign in to continue</h1><a href=/sso>With your account</a>"),
        Doubt::Login,
    );
    stands_in_front(&bare("Logga in - Acme", "<p>Ange ditt namn.</p>"), Doubt::Login);
}

#[test]
fn a_challenge_is_no_change() {
    stands_in_front(
        &bare("Just a moment...", "<p>Checking your browser before accessing site.example.</p>"),
        Doubt::Challenge,
    );
    stands_in_front(
        &bare("site.example", "<p>Verify you are human by completing the action below.</p>"),
        Doubt::Challenge,
    );
    stands_in_front(
        &bare("Robot check", "<form><div class=g-recaptcha></div></form><p>One click, please.</p>"),
        Doubt::Challenge,
    );
    stands_in_front(
        &bare("Access denied", "<p>You have no permission. Reference 18.2f1a.</p>"),
        Doubt::Challenge,
    );
}

#[test]
fn an_error_page_that_is_answered_with_200_is_no_change() {
    stands_in_front(&page("Page not found", "<p>We looked everywhere."), Doubt::Error);
    stands_in_front(&bare("404", "<p>Nothing here."), Doubt::Error);
    stands_in_front(&bare("Acme", "<h1>Sidan kunde inte hittas</h1><p>Prova sökningen."), Doubt::Error);
    stands_in_front(&bare("Acme", "<p>Something went wrong. Try again."), Doubt::Error);
    stands_in_front(&bare("502 Bad Gateway", "<h1>502 Bad Gateway</h1><hr>nginx"), Doubt::Error);
    stands_in_front(&bare("Maintenance", "<h1>We'll be back soon</h1><p>Our shop sleeps."), Doubt::Error);
    stands_in_front(&bare("", "<p>Database error"), Doubt::Error);
}

#[test]
fn an_empty_page_is_no_change() {
    stands_in_front("", Doubt::Empty);
    stands_in_front("<html><body><div id=root></div><script>render()</script></body></html>", Doubt::Empty);
    stands_in_front("<html><body><nav><a href=/>Home</a></nav>14:50</body></html>", Doubt::Empty);
}

#[test]
fn a_page_of_which_most_is_gone_is_no_change() {
    stands_in_front(&page("The long article", &paragraphs(3)), Doubt::Gone);
    stands_in_front(&page("The long article", "<p>One line is left."), Doubt::Gone);
    let other: String = (100..110)
        .map(|n| {
            format!(
                "<p>Entirely different words {n} about something nobody mentioned before today at all.</p>"
            )
        })
        .collect();
    stands_in_front(&bare("Parked", &other), Doubt::Gone);
}

#[test]
fn a_page_of_which_less_is_gone_has_changed() {
    let mut series = Series::begun(&article());
    let change = series.change(&page("The long article", &paragraphs(5)));
    assert_eq!((change.added.len(), change.removed.len()), (0, 5));
}

#[test]
fn a_page_that_stays_another_is_taken_for_what_is_there_now_and_nothing_of_it_is_told() {
    let mut series = Series::begun(&article());
    let short = page("The long article", "<p>One line is left.");
    for _ in 0..6 {
        assert_eq!(series.doubt(&short), Some(Doubt::Gone));
    }
    assert_eq!(series.doubt(&short), None);
    assert_eq!(series.told(&short), []);
    assert_eq!(series.told(&page("The long article", "<p>One line is left.<p>Now two.")).len(), 1);
}

#[test]
fn a_page_that_was_gone_for_a_while_does_not_count_towards_the_next_time() {
    let mut series = Series::begun(&article());
    let short = page("The long article", "<p>One line is left.");
    for _ in 0..20 {
        for _ in 0..4 {
            assert_eq!(series.doubt(&short), Some(Doubt::Gone));
        }
        assert_eq!(series.told(&article()), []);
    }
}

#[test]
fn a_redirect_to_a_login_is_no_change() {
    for at in [
        "http://site.example/login?next=/page",
        "http://sso.example/auth/start",
        "http://site.example/account/sign-in",
    ] {
        let mut series = Series::begun(&article());
        let outcome = series.poll_at(&article(), &article(), &Url::parse(at).expect("a URL"));
        assert_eq!(outcome.finding, Finding::Doubted(Doubt::RedirectToLogin), "{at}");
    }
}

#[test]
fn a_wall_in_the_second_fetch_leaves_the_change_for_the_next_poll() {
    let mut series = Series::begun(&article());
    let changed = article().replace("Chapter 3", "Part 3");
    let outcome = series.poll_twice(&changed, &bare("Just a moment...", "<p>Checking your browser"));
    assert_eq!(outcome.finding, Finding::Doubted(Doubt::Challenge));
    assert_eq!(series.told(&changed).len(), 1);
}

#[test]
fn a_wall_is_not_taken_for_a_page_that_is_read_for_the_first_time() {
    for (wall, doubt) in [
        (bare("Sign in - Acme", "<form><input type=password></form>Name, password"), Doubt::Login),
        (bare("Just a moment...", "<p>Checking"), Doubt::Challenge),
        (bare("404 Not Found", "<h1>Not Found</h1>"), Doubt::Error),
        (bare("Acme", ""), Doubt::Empty),
        (bare("Maintenance", "<p>Back soon"), Doubt::Error),
    ] {
        let mut series = Series::of(&WatchOptions::default());
        assert_eq!(series.doubt(&wall), Some(doubt), "{wall}");
        assert_eq!(series.state, None);
        assert_eq!(series.poll(&article()).finding, Finding::First);
    }
}

#[test]
fn selectors_that_match_nothing_are_told_as_that() {
    let mut series = Series::of(&selecting(&[".no-such"]));
    assert_eq!(series.doubt(&article()), Some(Doubt::NothingSelected));
}

#[test]
fn pages_about_logins_errors_and_captchas_are_pages() {
    for title in [
        "How to log in to the service",
        "Captchas: a history",
        "What a 404 page should say",
        "Maintenance of kettles",
        "Login",
    ] {
        let mut series = Series::begun(&page(title, &paragraphs(20)));
        assert_eq!(series.told(&page(title, &(paragraphs(20) + "<p>One more thing."))).len(), 1, "{title}");
    }
}

#[test]
fn a_status_page_may_tell_of_maintenance() {
    let of = |state: &str| page("Acme status", &format!("<h2>{state}</h2><p>Web<p>API"));
    let mut series = Series::begun(&of("All systems operational"));
    assert_eq!(series.told(&of("Maintenance in progress")).len(), 1);
    assert_eq!(series.told(&of("Service temporarily unavailable")).len(), 1);
}

#[test]
fn a_login_in_the_header_of_every_page_is_none() {
    let of = |text: &str| {
        format!("<title>Acme</title><form>Log in: <input type=password></form><main><h1>Prices</h1><p>{text}</main>").repeat(1) + &paragraphs(6)
    };
    let mut series = Series::begun(&of("219 kr"));
    assert_eq!(series.told(&of("199 kr")).len(), 1);
}
