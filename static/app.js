// Reward Desk's own script: menus' keys, the dialog, copy buttons, focus, and words when no answer comes.
// Every page works without it. It keeps nothing, decides nothing, and holds no sentence: those are in templates.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const on = (name, act, capture = false) => document.addEventListener(name, act, capture);
  const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

  // ── Menus: a popover does the opening, this adds the menu pattern's keys ────────────────────────
  const itemsOf = (menu) => [...menu.querySelectorAll('[role="menuitem"]')];

  function focusItem(menu, index) {
    const items = itemsOf(menu);
    items.forEach((item) => { item.tabIndex = -1; });
    const item = items.at(((index % items.length) + items.length) % items.length);
    item?.focus({ preventScroll: true });
  }

  // In one step, so that a key pressed right after finds the focus already in the menu.
  function openMenu(button, index) {
    const menu = byId(button.getAttribute("popovertarget"));
    // The page comes to rest first: a menu that follows a scrolling row would slip from under the pointer.
    button.scrollIntoView({ block: "nearest", behavior: "instant" });
    if (!menu.matches(":popover-open")) menu.showPopover({ source: button });
    focusItem(menu, index);
  }

  function menuKey(event, menu) {
    const items = itemsOf(menu);
    const at = items.indexOf(document.activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 };
    if (event.key in moves) {
      event.preventDefault();
      focusItem(menu, moves[event.key]);
    } else if (event.key === "Tab") {
      menu.hidePopover();
    } else if (event.key === " ") {
      event.preventDefault();
      if (at >= 0) items[at].click();
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const letter = event.key.toLowerCase();
      const starts = (item) => item.textContent.trim().toLowerCase().startsWith(letter);
      const next = items.findIndex((item, i) => i > at && starts(item));
      const found = next >= 0 ? next : items.findIndex(starts);
      if (found >= 0) focusItem(menu, found);
      event.preventDefault();
    }
  }

  function menuButtonKey(event, button) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    openMenu(button, event.key === "ArrowUp" ? -1 : 0);
  }

  // ── Keys of the page ────────────────────────────────────────────────────────────────────────────
  const typing = (el) => el instanceof HTMLElement && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));

  on("keydown", (event) => {
    const menu = near(event, '[role="menu"]');
    if (menu) return menuKey(event, menu);
    const button = near(event, '[aria-haspopup="menu"]');
    if (button) menuButtonKey(event, button);
    if (event.key === "Enter" && event.repeat && near(event, "dialog")) event.preventDefault();
    if (event.key === "Escape") {
      const drop = document.querySelector("details[data-drop][open]");
      if (drop) { drop.open = false; drop.querySelector("summary").focus(); }
    }
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target);
    const ctrlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
    const box = byId("search");
    if ((slash || ctrlK) && box && !document.querySelector("dialog:modal")) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });

  // ── Clicks ──────────────────────────────────────────────────────────────────────────────────────
  on("click", (event) => {
    for (const drop of document.querySelectorAll("details[data-drop][open]")) {
      if (!drop.contains(event.target)) drop.open = false;
    }
    const button = near(event, '[aria-haspopup="menu"]');
    if (button) {
      event.preventDefault();
      const menu = byId(button.getAttribute("popovertarget"));
      if (menu.matches(":popover-open")) menu.hidePopover();
      else openMenu(button, 0);
    }
    const item = near(event, 'a[role="menuitem"]');
    if (item) item.closest("[popover]")?.hidePopover();
    const copy = near(event, "[data-copy]");
    if (copy) copyFrom(copy);
    if (near(event, "[data-close]")) near(event, "dialog")?.close();
    const dismiss = near(event, "[data-dismiss]");
    if (dismiss) dismissToast(dismiss.closest("[data-toast]"));
  });

  async function copyFrom(button) {
    let done = false;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      done = true;
    } catch {
      const area = document.createElement("textarea"); // no clipboard on plain http
      area.value = button.dataset.copy;
      area.className = "visually-hidden";
      button.after(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      button.focus();
    }
    if (!done) return;
    button.classList.add("is-copied");
    byId("say").textContent = "Copied";
    setTimeout(() => { button.classList.remove("is-copied"); byId("say").textContent = ""; }, 1600);
  }

  // ── Toasts ──────────────────────────────────────────────────────────────────────────────────────
  let beforeToasts = null;
  on("focusin", (event) => {
    if (near(event, "#toasts") && event.relatedTarget && !event.relatedTarget.closest("#toasts")) beforeToasts = event.relatedTarget;
  });

  function dismissToast(toast) {
    const hadFocus = toast.contains(document.activeElement);
    const next = toast.previousElementSibling ?? toast.nextElementSibling;
    toast.remove();
    if (hadFocus) (next?.querySelector("[data-dismiss]") ?? (beforeToasts?.isConnected ? beforeToasts : byId("main"))).focus();
  }

  /** Puts words of a template where the person looks: into the form's message slot, or among the toasts. */
  function say(words, source) {
    const slot = source.closest("form")?.querySelector(".dialog__message");
    const holder = slot ?? byId("toasts");
    const text = byId(words).content.firstElementChild.cloneNode(true);
    if (slot) slot.replaceChildren(text);
    else {
      for (const old of holder.children) if (old.textContent === text.textContent) old.remove();
      holder.append(text);
    }
  }

  // ── Forms in flight: the button says so and can't be pressed twice ──────────────────────────────
  function fly(form, submitter) {
    form.dataset.inflight = "";
    const button = submitter ?? form.querySelector("button[data-busy]");
    if (!button?.dataset.busy) return;
    button.dataset.idle = button.textContent;
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-disabled", "true");
  }

  function land(form) {
    delete form.dataset.inflight;
    for (const button of form.querySelectorAll("button[data-idle]")) {
      button.textContent = button.dataset.idle;
      delete button.dataset.idle;
      button.removeAttribute("aria-disabled");
    }
  }

  on("submit", (event) => {
    const form = event.target;
    if ("inflight" in form.dataset) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (form.dataset.passkey && !form.elements.passkey.value) {
      event.preventDefault();
      event.stopImmediatePropagation();
      askPasskey(form, event.submitter);
    } else if (form.role === "search") {
      leave();
      byId("search").dispatchEvent(new CustomEvent("htmx:abort"));
    } else if (form.method === "post" && !form.hasAttribute("hx-post")) {
      const submitter = event.submitter;
      setTimeout(() => fly(form, submitter)); // after the browser has read the form
    }
  }, true);

  let leaving = false;
  let stay;
  function leave() {
    leaving = true;
    clearTimeout(stay);
    stay = setTimeout(() => { leaving = false; }, 3000);
  }
  addEventListener("beforeunload", leave);
  addEventListener("pageshow", (event) => {
    leaving = false;
    if (!event.persisted) return;
    document.querySelectorAll("form[data-inflight]").forEach(land);
  });

  // ── Passkeys: the browser asks the device, and the answer is sent like any other field ──────────
  const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  if (window.PublicKeyCredential) for (const form of document.querySelectorAll("form[data-passkey]")) form.hidden = false;

  async function askPasskey(form, submitter) {
    const silent = form.querySelector("[data-passkey-silent]");
    silent.hidden = true;
    fly(form, submitter);
    try {
      const answer = await fetch(form.dataset.passkey, { method: "POST", headers: { "HX-Request": "true" } });
      const elsewhere = answer.headers.get("HX-Redirect");
      if (elsewhere) return location.assign(elsewhere);
      if (!answer.ok) throw new Error(String(answer.status));
      const { publicKey, sealed } = await answer.json();
      form.elements.passkey.value = JSON.stringify(await answerOf(publicKey, "passkeyNew" in form.dataset));
      if (form.elements.sealed) form.elements.sealed.value = sealed;
    } catch {
      land(form);
      silent.hidden = false;
      return;
    }
    land(form);
    form.requestSubmit();
    setTimeout(() => { form.elements.passkey.value = ""; }); // good for one try, also after Back
  }

  async function answerOf(publicKey, isNew) {
    publicKey.challenge = toBytes(publicKey.challenge);
    if (publicKey.user) publicKey.user.id = toBytes(publicKey.user.id);
    for (const known of publicKey.excludeCredentials ?? publicKey.allowCredentials ?? []) known.id = toBytes(known.id);
    const made = await (isNew ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
    const response = {};
    for (const key of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[key]) response[key] = toText(made.response[key]);
    }
    return { id: made.id, rawId: toText(made.rawId), type: made.type, response, extensions: {} };
  }

  // ── Files dragged over their field ──────────────────────────────────────────────────────────────
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    on(name, (event) => near(event, ".dropfile")?.classList.toggle("is-over", over));
  }

  // ── htmx ────────────────────────────────────────────────────────────────────────────────────────
  on("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    if (leaving && ctx.sourceElement.id === "search") return event.preventDefault();
    if (ctx.sourceElement.matches("form")) {
      ctx.sourceElement.querySelector(".dialog__message")?.replaceChildren();
      fly(ctx.sourceElement, ctx.request.submitter);
    }
    if (ctx.sourceElement.id === "search") byId("results")?.setAttribute("aria-busy", "true");
  });

  on("htmx:finally:request", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceElement.matches("form")) land(ctx.sourceElement);
    if (ctx.sourceElement.id === "search") byId("results")?.removeAttribute("aria-busy");
    clearDialog();
  });

  const wordsFor = (ctx) => {
    if (ctx.request.method === "GET") return "words-unread";
    return ctx.sourceElement.matches("[data-unsure]") ? "words-unsure" : "words-unknown";
  };

  // An answer that is not ours (a proxy's error page, a sign-in page) is never put into the page.
  on("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { status } = ctx.response;
    if (ctx.hx.redirect || ctx.request.headers["HX-History-Restore-Request"]) return;
    if (status < 400 && /^\s*<(!doctype|html)/i.test(ctx.text)) {
      event.preventDefault();
      leave();
      location.reload();
    } else if (status >= 400 && !/data-toast|data-screen/.test(ctx.text)) {
      event.preventDefault();
      say(wordsFor(ctx), ctx.sourceElement);
    }
  });

  on("htmx:error", (event) => {
    const { ctx } = event.detail;
    if (ctx && !(leaving && ctx.request.method === "GET")) say(wordsFor(ctx), ctx.sourceElement);
  });

  // Whoever stands in an import's page when all of it is swapped stands at its heading then; its words are said to the others.
  function keepPlace(tasks) {
    const page = tasks.find(({ target }) => target instanceof Element && target.id === "import")?.target;
    if (!page?.contains(document.activeElement)) return;
    byId("import-title").focus({ preventScroll: true }); // htmx gives the focus back by its id
    const said = tasks.findIndex(({ target }) => target === byId("say"));
    if (said >= 0) tasks.splice(said, 1);
  }

  // The dialog closes before anything is put outside it: what stands behind a modal is not announced.
  on("htmx:before:swap", (event) => {
    keepPlace(event.detail.tasks);
    const dialog = event.detail.ctx.sourceElement.closest("dialog");
    if (!dialog?.open) return;
    const outside = event.detail.tasks.some(({ target }) => target instanceof Element && !dialog.contains(target) && !target.contains(dialog));
    if (outside) dialog.close();
  });

  on("htmx:after:settle", (event) => {
    const { target } = event;
    if (target.id === "dialog") {
      const dialog = target.querySelector("dialog");
      if (dialog && !dialog.open) dialog.showModal();
    } else if (target.id === "toasts") {
      uncover(document.activeElement, target);
    } else if (document.activeElement === document.body && !target.closest("#import")) {
      const fresh = event.detail.newContent?.find((node) => node instanceof Element);
      const first = fresh?.querySelector("[autofocus]") ?? fresh?.querySelector("a[href], button");
      if (first) first.focus({ preventScroll: true });
    }
  });

  /** A toast never hides what has the focus. */
  function uncover(el, toasts) {
    const a = el.getBoundingClientRect();
    const b = toasts.getBoundingClientRect();
    if (a.bottom > b.top && a.top < b.bottom && a.right > b.left && a.left < b.right && el !== document.body) el.scrollIntoView({ block: "center" });
  }

  function clearDialog() {
    const dialog = byId("dialog")?.querySelector("dialog");
    if (dialog && !dialog.open && !dialog.querySelector("form[data-inflight]") && dialog.dataset.was) dialog.remove();
  }
  on("close", (event) => {
    if (!event.target.matches?.("#dialog > dialog")) return;
    event.target.dataset.was = "open";
    clearDialog();
  }, true);
})();
