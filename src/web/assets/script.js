// What pages do beyond links and forms: times in the viewer's zone, sections that follow what changes, and keys.
// Each page works without it.
"use strict";
(() => {
  const pad = (n) => String(n).padStart(2, "0");
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  // the server writes its own zone's time; the moment itself stands in `datetime`
  function localize(root) {
    const today = new Date().toDateString();
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
      const seconds = `${clock}:${pad(at.getSeconds())}`;
      const day = `${at.getDate()} ${months[at.getMonth()]}`;
      const year = at.getFullYear() === new Date().getFullYear() ? "" : ` ${at.getFullYear()}`;
      switch (time.dataset.f) {
        case "clock": time.textContent = seconds; break;
        case "full": time.textContent = `${day}${year} ${seconds}`; break;
        default: time.textContent = at.toDateString() === today ? clock : `${day}${year} ${clock}`;
      }
    }
  }

  const live = () => [...document.querySelectorAll("[data-live]")];
  const state = document.getElementById("live");
  let wanted = new Set(), busy = false, last = 0, timer = 0;

  // a section is left alone while somebody chooses or types in it, or marks its text
  function inUse(section) {
    const selection = getSelection();
    if (selection && !selection.isCollapsed && section.contains(selection.anchorNode)) return true;
    if (section.querySelector("input[type=checkbox]:checked")) return true;
    const focus = document.activeElement;
    return focus && section.contains(focus) && /^(INPUT|SELECT|TEXTAREA)$/.test(focus.tagName) && focus.type !== "checkbox";
  }

  async function refresh() {
    if (busy || !wanted.size) return;
    const wait = last + 900 - Date.now();
    if (wait > 0 || document.hidden) {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(refresh, wait);
      return;
    }
    busy = true;
    const topics = wanted;
    wanted = new Set();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const section of live()) {
          if (!section.dataset.live.split(" ").some((topic) => topics.has(topic)) || inUse(section)) continue;
          const fresh = page.getElementById(section.id);
          if (!fresh || fresh.innerHTML === section.dataset.source) continue;
          const focus = section.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
          const here = section.querySelector(".here a")?.getAttribute("href");
          const log = section.querySelector(".log"), end = innerHeight + scrollY >= document.body.scrollHeight - 60;
          const open = [...section.querySelectorAll("details[open]")].map((it) => it.id);
          section.dataset.source = fresh.innerHTML;
          section.replaceChildren(...fresh.childNodes);
          for (const id of open) if (id) document.getElementById(id)?.setAttribute("open", "");
          localize(section);
          // whoever walks through rows stays where they are
          if (here) [...section.querySelectorAll("[data-row]")]
            .find((row) => row.querySelector("a")?.getAttribute("href") === here)?.classList.add("here");
          if (focus) [...section.querySelectorAll("a")].find((it) => it.getAttribute("href") === focus)?.focus();
          if (log && end && !location.search && !location.hash) scrollTo(0, document.body.scrollHeight);
        }
      }
    } catch { topics.forEach((topic) => wanted.add(topic)); }
    last = Date.now();
    busy = false;
    if (wanted.size) refresh();
  }

  function follow() {
    if (!live().length || !window.EventSource || !state) return;
    const events = new EventSource("/events?seen=" + encodeURIComponent(state.dataset.seen));
    let away = 0;
    const say = (text, off) => { state.textContent = text; state.classList.toggle("off", off); };
    events.onopen = () => { clearTimeout(away); away = 0; say("live", false); };
    events.onerror = () => {
      if (!away) away = setTimeout(() => say("not live: the server does not answer", true), 4000);
      if (events.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
    };
    for (const topic of ["runs", "logs", "documents"]) {
      events.addEventListener(topic, () => { wanted.add(topic); refresh(); });
    }
    addEventListener("visibilitychange", refresh);
    addEventListener("pagehide", () => events.close());
  }

  // j and k walk through rows, g and a letter goes to a page
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
  const pages = { n: "/", a: "/apps", d: "/documents", t: "/timeline", b: "/tables" };
  let before = "";
  function step(by) {
    const all = rows(), at = all.findIndex((row) => row.classList.contains("here"));
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    all.forEach((row) => row.classList.remove("here"));
    if (!next) return;
    next.classList.add("here");
    next.querySelector("a")?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox") {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const help = document.getElementById("keys");
    if (before === "g" && pages[event.key]) location.href = pages[event.key];
    else if (event.key === "/") document.getElementById("find")?.focus();
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "x") document.querySelector(".here input[type=checkbox]")?.click();
    else if (event.key === "?" && help?.showModal) help.open ? help.close() : help.showModal();
    else { before = event.key; return; }
    before = "";
    event.preventDefault();
  });

  addEventListener("change", (event) => {
    if (event.target.id !== "all") return;
    for (const box of document.querySelectorAll("input[name=app]")) box.checked = event.target.checked;
  });
  addEventListener("submit", (event) => {
    const ask = event.submitter?.dataset.ask;
    if (ask && !confirm(ask)) event.preventDefault();
  });

  localize(document);
  for (const section of live()) section.dataset.source = section.innerHTML;
  document.getElementById("all")?.removeAttribute("hidden");
  follow();
})();
