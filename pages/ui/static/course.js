// What links the pages with one another: the bar, the map and the cards (ui/links.py).

// Between a phone, where Streamlit starts with the controls closed, and 1100 px they are a drawer: closed at first.
function drawer() {
  const between = () => innerWidth > 768 && innerWidth < 1100;
  const shut = () => {
    const side = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]');
    const button = side?.querySelector('[data-testid="stSidebarCollapseButton"] button');
    button?.click();
    if (button) note("shut");
    return Boolean(button);
  };
  const ready = () => document.body.classList.add("lab-ready");
  // Streamlit keeps the shut drawer as the viewer's wish, for wide windows too: what was shut here opens again there.
  const note = (what) => { try { what ? localStorage.setItem("lab:drawer", what) : localStorage.removeItem("lab:drawer"); } catch { /* a frame may forbid it */ } };
  const widened = (tries = 20) => {
    let noted = null;
    try { noted = localStorage.getItem("lab:drawer"); } catch { /* likewise */ }
    if (!noted || innerWidth < 1100) return;
    const button = document.querySelector('[data-testid="stExpandSidebarButton"] button, button[data-testid="stExpandSidebarButton"]');
    if (button) {
      note();
      button.click();
    } else if (tries) setTimeout(() => widened(tries - 1), 250);
  };
  widened();
  if (between()) {
    const look = new MutationObserver(() => { if (shut()) { look.disconnect(); setTimeout(ready, 400); } });
    look.observe(document.body, { childList: true, subtree: true });
    // A hand opens what it opens; a page without controls may still lead to one that has them.
    const done = () => { if (document.querySelector('[data-testid="stSidebar"]')) look.disconnect(); };
    setTimeout(() => { done(); ready(); }, 20000);
    for (const hand of ["pointerdown", "keydown"]) document.addEventListener(hand, done);
  } else ready();
  matchMedia("(max-width: 1099px)").addEventListener("change", () => (between() ? shut() : widened())); // smaller, or wide again
  document.addEventListener("pointerdown", (event) => {
    if (between() && event.target.closest?.('[data-testid="stMain"]')) shut();
  });
}

// In a frame, as a Space shows the app, the outer address follows: the host takes a query string, so the page is in it
// (https://huggingface.co/docs/hub/spaces-handle-url-parameters), and `shell.py` opens the page that it names.
const HOST = "https://huggingface.co";
function framed() {
  if (window.parent === window) return;
  let told = "";
  setInterval(() => {
    if (told === location.href) return;
    told = location.href;
    const query = new URLSearchParams(location.search);
    const slug = location.pathname.split("/").pop();
    if (slug) query.set("page", slug);
    window.parent.postMessage({ queryString: query.toString(), hash: location.hash }, HOST);
  }, 400);
  document.cookie = "lab_probe=1; SameSite=Lax";
  document.body.classList.toggle("lab-no-cookies", !document.cookie.includes("lab_probe="));
  document.body.classList.add("lab-framed");
}

// The browser's translation leaves formulas alone; one wider than its column is set smaller, at least at nine sixteenths.
function formulas() {
  let waiting = false;
  const mark = () => {
    waiting = false;
    const wide = [...document.querySelectorAll(".katex-display")];
    for (const one of wide) one.style.fontSize = "";
    const shares = wide.map((one) => one.clientWidth / one.scrollWidth);
    wide.forEach((one, i) => { if (shares[i] < 1) one.style.fontSize = `${Math.max(0.56, 0.98 * shares[i])}em`; });
    for (const one of document.querySelectorAll('[data-testid="stSidebar"] [data-testid="stSelectbox"] input')) { // so is a choice
      one.style.removeProperty("--fits");
      if (one.scrollWidth > one.clientWidth) one.style.setProperty("--fits", Math.max(0.8, one.clientWidth / one.scrollWidth));
    }
    for (const one of document.querySelectorAll(".katex:not([translate])")) one.setAttribute("translate", "no");
  };
  new MutationObserver(() => { if (!waiting) { waiting = true; setTimeout(mark, 300); } })
    .observe(document.body, { childList: true, subtree: true });
  addEventListener("resize", mark);
}

// To another page, as the browser's Back button would, and as it was when it was left. What Streamlit pushes by itself
// says nothing of that: after a late answer it mixes one page's path with another's settings.
const left = new Map(); // path -> settings
function go(to) {
  left.set(location.pathname, location.search);
  to.search ||= left.get(to.pathname) ?? "";
  history.pushState({}, "", to);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {  // a frame may forbid it
    const field = Object.assign(document.createElement("textarea"), { value: location.href });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  const was = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = was; }, 1500);
}

export default function (component) {
  const root = component.parentElement;
  const place = root.querySelector(".course");
  if (place.innerHTML !== component.data.html && root.was !== component.data.html) {
    const open = Boolean(place.querySelector("details.menu")?.open); // drawn anew, it stays open under the hand
    place.innerHTML = root.was = component.data.html;
    if (open) place.querySelector("details.menu")?.setAttribute("open", "");
  }
  if (!window.labShell) {
    window.labShell = true;
    drawer();
    framed();
    formulas();
  }
  // Which theme is on: the pictures of the cards come in two.
  const app = document.querySelector('[data-testid="stApp"]');
  const themed = () => {
    const [r, g, b] = getComputedStyle(app).backgroundColor.match(/[0-9.]+/g).map(Number);
    place.dataset.theme = r + g + b < 384 ? "dark" : "light";
  };
  themed();
  const theme = new MutationObserver(themed);
  theme.observe(app, { attributes: true, attributeFilter: ["class", "style"] });
  const menu = place.querySelector("details.menu");
  const close = () => { if (menu?.open) { menu.open = false; return true; } };
  place.onclick = (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    const to = new URL(link.href.baseVal ?? link.href, document.baseURI);
    if (to.origin !== location.origin) return;
    event.preventDefault();
    close();
    go(to);
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  };
  place.onkeydown = (event) => {
    event.stopPropagation();  // the player's keys are the page's, not the menu's
    if (event.key === "Escape" && close()) menu.querySelector("summary").focus();
    const links = menu?.open ? [...menu.querySelectorAll("a")] : [];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !links.length) return;
    event.preventDefault();
    const now = links.indexOf(root.getRootNode().activeElement ?? document.activeElement);
    links[now < 0 ? (step > 0 ? 0 : links.length - 1) : (now + step + links.length) % links.length].focus();
  };
  const away = (event) => { if (!event.composedPath().includes(menu)) close(); };
  document.addEventListener("pointerdown", away);
  return () => {
    theme.disconnect();
    document.removeEventListener("pointerdown", away);
  };
}
