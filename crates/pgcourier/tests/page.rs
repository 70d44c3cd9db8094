#![cfg(test)]
//! The page, in a real browser, as a newcomer sees it.

mod support;

use support::{Up, browser::Browser, eventually};

/// What the page's parts are called in its markup.
const ENTRIES: &str = "#entries details";

#[test]
fn demo_fills_the_page_and_goes_on_filling_it() {
    let up = Up::start(&["--demo"]);
    let browser = Browser::open(1280, 900);
    browser.go(&up.url);
    eventually("entries are shown", || browser.count(ENTRIES) > 20);
    let newest = "return document.querySelector('#entries time').dateTime";
    let first = browser.run(newest);
    eventually("newer entries come by themselves", || browser.run(newest) != first);
    assert_eq!(browser.console(), [""; 0]);

    browser.go(&format!("{}?level=ERROR&text=division", up.url));
    let text = browser.run("return document.querySelector('#entries').innerText");
    assert!(text.as_str().unwrap().contains("division by zero"), "{text}");
    assert!(!text.as_str().unwrap().contains("checkpoint"), "{text}");
    eventually("the agent is shown", || {
        browser.go(&up.url);
        let page = browser.run("return document.body.innerText");
        page.as_str().unwrap().contains("breaker closed")
    });
    assert!(up.stop().success());
}

#[test]
fn phone_needs_no_sideways_scrolling() {
    let up = Up::start(&["--demo"]);
    let browser = Browser::open(390, 844);
    browser.go(&up.url);
    eventually("entries are shown", || browser.count(ENTRIES) > 20);
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true");
    let width = browser.run("return document.documentElement.scrollWidth");
    assert_eq!(width, 390);
}
