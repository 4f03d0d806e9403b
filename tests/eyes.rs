//! A second pair of eyes in two browsers, by keyboard: asked for, read, approved and pushed; each state is looked at as all pages are.

use crate::house::browser::Browser;
use crate::house::{House, Plans};

const ENTER: &str = "\u{e007}";
const ESC: &str = "\u{e00c}";
const APPROVAL: &str = "[aria-labelledby=\"plan-a\"]";
const PLAN: &str = "/stacks/web/stages/qa/plan";

#[tokio::test]
async fn two_people_ask_read_approve_and_push_with_the_keyboard_alone() {
    let house = House::build(Plans { qa: &["qa1"], stage: "approval = 1", ..Plans::default() }).await;
    let (mary, joe) = (Browser::open(&house).await, Browser::open(&house).await);
    mary.sign_in("mary").await;
    joe.sign_in("joe").await;

    mary.go(PLAN).await;
    mary.says(APPROVAL, "needs an approval by someone else").await;
    mary.tab_to("#ap-w").await;
    mary.keys(&format!("the fair{ENTER}")).await;
    mary.says(APPROVAL, "someone else must approve it").await;
    mary.pictures("approval-asked").await;

    joe.go("/stacks/web").await;
    joe.says("[data-part=\"notes\"]", "mary asks for approval to push").await;
    joe.pictures("approval-on-the-stack").await;
    joe.tab_to(".note-act a[href=\"/stacks/web/stages/qa/plan\"]").await;
    joe.keys(ENTER).await;
    joe.arrives(PLAN).await;
    joe.says(APPROVAL, "the fair").await;
    joe.tab_to("[popovertarget=\"decline\"]").await;
    joe.keys(ENTER).await;
    joe.holds("document.querySelector('#decline:popover-open') && document.activeElement.id === 'de-w'").await;
    joe.pictures("approval-decline").await;
    joe.keys(ESC).await;
    joe.tab_to("form[action$=\"/approve\"] .btn--main").await;
    joe.keys(ENTER).await;
    joe.says(APPROVAL, "You approved it, so someone else must start it").await;
    joe.pictures("approval-given").await;

    mary.go("/stacks/web").await;
    mary.says("[data-part=\"stage-qa\"]", "Approved by joe").await;
    mary.tab_to("[data-go=\"qa\"]").await;
    mary.keys(ENTER).await;
    mary.tab_to(":popover-open [data-really=\"qa\"]").await;
    mary.keys(ENTER).await;
    mary.arrives("/pushes/1").await;
    assert_eq!(house.ended(1).await["push"]["approved_by"], "joe");
    for browser in [mary, joe] {
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}
