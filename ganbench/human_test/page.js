"use strict";

const page = JSON.parse(document.getElementById("page").textContent);
const BLANK_MS = 400; // before each picture, so that the eye is free of the one before
const HALF_FRAME_MS = 8; // a picture goes at the frame nearest to its time
const answers = [];

const $ = (id) => document.getElementById(id);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const frame = () => new Promise(requestAnimationFrame);
const clicked = (...buttons) =>
  new Promise((done) => buttons.forEach((button) => (button.onclick = () => done(button))));

function show(name) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== name;
}

function random(below) {
  return crypto.getRandomValues(new Uint32Array(1))[0] % below;
}

function shuffled(items) {
  const list = [...items];
  for (let last = list.length - 1; last > 0; last--) {
    const other = random(last + 1);
    [list[last], list[other]] = [list[other], list[last]];
  }
  return list;
}

function picture(screen, index, name) {
  const image = new Image();
  image.src = page.screens[screen][index];
  image.alt = name;
  image.draggable = false;
  return image;
}

/* Show a picture from one frame to another and return how long it was seen, by the browser's own clock of frames. */
async function expose(image) {
  await image.decode();
  const begin = await frame();
  $("stage").replaceChildren(image);
  let now = begin;
  while (now - begin < page.exposure_ms - HALF_FRAME_MS) now = await frame();
  $("stage").replaceChildren();
  return Math.round(now - begin);
}

function say(text, waiting) {
  $("question").textContent = text;
  $("question").classList.toggle("waiting", waiting);
}

/* Show a pair, ask, and return the answer: the one that was not called generated is taken for real. */
async function askPair(screen) {
  const buttons = [$("first"), $("second")];
  const shown = shuffled([0, 1]);
  const names = ["First picture", "Second picture"];
  const exposure_ms = [];
  for (const button of buttons) button.disabled = true;
  for (const [place, index] of shown.entries()) {
    say(names[place], true);
    await wait(BLANK_MS);
    exposure_ms.push(await expose(picture(screen, index, names[place])));
  }
  say("Which one was generated?", false);
  for (const button of buttons) button.disabled = false;
  const asked = performance.now();
  const generated = buttons.indexOf(await clicked(...buttons));
  const answer_ms = Math.round(performance.now() - asked);
  for (const button of buttons) button.disabled = true;
  return { screen, shown, chosen: [shown[1 - generated]], exposure_ms, answer_ms };
}

/* Show all pictures of a screen at once and return which were taken for real. */
async function askGrid(screen) {
  const shown = shuffled(page.screens[screen].keys());
  const buttons = shown.map((index, place) => {
    const button = document.createElement("button");
    button.append(picture(screen, index, `Picture ${place + 1}`));
    button.setAttribute("aria-pressed", "false");
    return button;
  });
  $("grid").replaceChildren(...buttons.map((button, place) => figure(button, place + 1)));
  $("next").hidden = false;
  const pressed = () => buttons.filter((button) => button.ariaPressed === "true");
  const update = () => {
    const left = page.each - pressed().length;
    $("question").textContent = `Which ${page.each} are real? ${left ? `${left} to choose` : "All chosen"}`;
    $("next").disabled = left !== 0;
    for (const button of buttons) button.disabled = !left && button.ariaPressed === "false";
  };
  for (const button of buttons) {
    button.onclick = () => {
      button.setAttribute("aria-pressed", String(button.ariaPressed !== "true"));
      update();
    };
  }
  update();
  const asked = performance.now();
  await clicked($("next"));
  const answer_ms = Math.round(performance.now() - asked);
  for (const button of buttons) button.disabled = true;
  const chosen = pressed().map((button) => shown[buttons.indexOf(button)]);
  return { screen, shown, chosen, exposure_ms: [], answer_ms };
}

function figure(button, number) {
  const element = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = number;
  element.append(button, caption);
  return element;
}

/* Tell, after a screen for practice, which pictures were real. */
async function giveFeedback(answer) {
  const real = page.key[answer.screen];
  const right = answer.chosen.filter((index) => real.includes(index)).length;
  if (page.exposure_ms) {
    const generated = real.includes(answer.shown[0]) ? "second" : "first";
    $("feedback").textContent = `${right ? "Right" : "No"}: the ${generated} one was generated.`;
  } else {
    $("feedback").textContent = `${right} of your ${page.each} are real.`;
    const captions = $("grid").querySelectorAll("figcaption");
    answer.shown.forEach((index, place) => (captions[place].textContent = real.includes(index) ? "real" : "generated"));
  }
  $("next").hidden = false;
  $("next").focus();
  await clicked($("next"));
  $("feedback").textContent = "";
}

async function run(screens, name, practice) {
  show("trial");
  $("progress").max = screens.length;
  for (const [done, screen] of screens.entries()) {
    $("count").textContent = `${name} ${done + 1} of ${screens.length}`;
    $("progress").value = done;
    $("next").hidden = true;
    scrollTo(0, 0);
    const answer = await (page.exposure_ms ? askPair(screen) : askGrid(screen));
    if (practice) await giveFeedback(answer);
    else answers.push(answer);
  }
}

/* CRC-32 of a text, in hex: ganbench notices by it that a file was edited. */
function checksum(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (~crc >>> 0).toString(16).padStart(8, "0");
}

function finish() {
  const id = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const content = { ...page.sitting, sitting: id, answers };
  const text = JSON.stringify({ checksum: checksum(JSON.stringify(content)), ...content });
  $("text").value = text;
  $("download").href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  $("download").download = `answers-${page.sitting.page.slice(0, 8)}-${id.slice(0, 8)}.json`;
  $("copy").onclick = async () => {
    $("text").closest("details").open = true;
    $("text").select();
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    $("copied").textContent = copied ? "Copied." : "Copy the selected text.";
  };
  show("end");
  $("download").focus();
}

/* A key stands for a button that can be pressed now. */
function onKey(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || $("trial").hidden) return;
  const places = page.exposure_ms ? { ArrowLeft: "first", ArrowRight: "second" } : {};
  const named = places[event.key] ? $(places[event.key]) : $("grid")?.querySelectorAll("button")[Number(event.key) - 1];
  const enter = event.key === "Enter" && document.activeElement.id !== "next" ? $("next") : null;
  const button = named ?? enter;
  if (!button || button.disabled || button.hidden) return;
  event.preventDefault();
  button.click();
}

async function main() {
  const last = page.practice + page.scored;
  const all = [...Array(last).keys()];
  const thing = page.exposure_ms ? "Pair" : "Screen";
  document.querySelector("main").hidden = false;
  show("intro");
  $("begin").focus({ preventScroll: true, focusVisible: false });
  await clicked($("begin"));
  const unsaved = (event) => event.preventDefault();
  addEventListener("beforeunload", unsaved);
  document.addEventListener("keydown", onKey);
  await run(all.slice(0, page.practice), "Practice", true);
  show("between");
  $("go").focus();
  await clicked($("go"));
  await run(shuffled(all.slice(page.practice)), thing, false);
  removeEventListener("beforeunload", unsaved);
  finish();
}

main();
