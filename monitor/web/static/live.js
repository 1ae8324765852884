// Keeps an open page true: fetches it again when /events says so, and swaps <main>.
"use strict";
(() => {
  const SAYS = {en: "Not live since ", fr: "Plus en direct depuis ", it: "Non in diretta dalle "};
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
  }

  async function load() {
    isLate = isBusy || isUsed(find("main"), doc.activeElement);
    if (isLate) return;
    isBusy = true;
    try {
      const answer = await fetch(location.href, {cache: "no-cache"});
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {} // the note says it
    isBusy = false;
  }

  function tell(isLive) {
    let note = find("live");
    if (isLive) note?.remove();
    if (isLive || note) return;
    note = doc.createElement("p");
    note.id = "live";
    note.className = "notice inconclusive";
    note.textContent = SAYS[doc.documentElement.lang] + new Date(at).toLocaleTimeString();
    doc.body.append(note);
  }

  function listen() {
    stream?.close();
    stream = new EventSource("/events");
    stream.addEventListener("news", load);
    stream.onopen = () => { if (find("live")) load(); tell(true); };
    stream.onerror = () => tell(false);
  }

  listen();
  doc.addEventListener("visibilitychange", () => {
    if (doc.hidden) return stream.close(); // a browser has six connections for all tabs of a site
    listen();
    load();
  });
  setInterval(() => {
    if (doc.hidden) return;
    if (isLate || stream.readyState !== 1 || Date.now() > at + 60e3) load();
    if (stream.readyState === 2) listen();
  }, 30e3);
})();
