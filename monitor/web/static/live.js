// Keeps an open page true: fetches it again when /events says so, and swaps <main>.
"use strict";
(() => {
  const SAYS = {en: "Not live since ", fr: "Plus en direct depuis ", it: "Non in diretta dal "};
  const doc = document, find = (id) => doc.getElementById(id);
  const folds = (root) => [...root.querySelectorAll("details")].map((d, i) => [d.id || i, d]);
  const states = (root) => new Map(folds(root).map(([key, d]) => [key, d.open]));
  let given = states(find("main")), at = Date.now(), isLate, isBusy, stream;

  function isUsed(main, focus, chosen = getSelection()) {
    return main.contains(focus) && focus.matches("input,select") ||
      !chosen.isCollapsed && main.contains(chosen.anchorNode);
  }

  function swap(page) {
    const old = find("main"), made = page.getElementById("main"), focus = doc.activeElement;
    const was = states(old), next = states(made), hadFocus = old.contains(focus), x = scrollX, y = scrollY;
    for (const [key, d] of folds(made)) if (was.has(key) && was.get(key) !== given.get(key)) d.open = was.get(key);
    given = next;
    old.replaceWith(made);
    const same = (e) => focus.id ? e.id === focus.id : e.textContent === focus.textContent;
    if (hadFocus) [...made.querySelectorAll(focus.tagName)].find(same)?.focus({preventScroll: true});
    scrollTo({left: x, top: y, behavior: "instant"});
    doc.title = page.title;
    at = Date.now();
    if (find("live")) tell(stream.readyState === 1);
  }

  async function load() {
    isLate = isBusy || isUsed(find("main"), doc.activeElement);
    if (isLate) return;
    isBusy = true;
    try {
      const answer = await fetch(location.href, {cache: "no-cache", signal: AbortSignal.timeout(20e3)});
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status > 499 || !page.getElementById("main")) throw answer;
      swap(page);
    } catch {
      tell(false);
    }
    isBusy = false;
  }

  function tell(isLive) {
    let note = find("live");
    if (isLive) return note?.remove();
    if (!note) {
      note = doc.createElement("p");
      note.id = "live";
      note.className = "notice inconclusive";
      doc.body.append(note);
    }
    note.textContent = SAYS[doc.documentElement.lang] + find("main").querySelector(".asof time").textContent;
  }

  function doubt() { // whatever keeps it from being fetched: nothing old may pass for what is now
    if (Date.now() > at + 120e3) tell(false);
  }

  function listen() {
    stream?.close();
    stream = new EventSource("/events");
    stream.addEventListener("news", load);
    stream.onopen = () => { if (find("live")) load(); };
    stream.onerror = () => tell(false);
  }

  listen();
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") load(); // it is as it was left
  doc.addEventListener("visibilitychange", () => {
    if (doc.hidden) return stream.close(); // a browser has six connections for all tabs of a site
    listen();
    load();
    doubt();
  });
  setInterval(() => {
    if (doc.hidden) return;
    if (isLate || find("live") || stream.readyState !== 1 || Date.now() > at + 60e3) load();
    if (stream.readyState === 2) listen();
    doubt();
  }, 30e3);
})();
