/* The page: the map, its controls, and the address that can be shared. */
"use strict";

const element = (name) => document.getElementById(name);
const show = (lon, lat) => `${Math.abs(lat).toFixed(3)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(3)}° ${lon < 0 ? "W" : "E"}`;
const turned = (lon) => ((((lon + 180) % 360) + 360) % 360) - 180;

let told = 0, lasts = false;
function say(sentence, lasting = false) {
  element("status").textContent = sentence;
  lasts = lasting;
  clearTimeout(told);
  if (!lasting) told = setTimeout(() => { element("status").textContent = ""; }, 5000);
}
/* Layers with tiles that are not drawn yet, and the sentence that is said when all are. */
const drawing = { layers: new Set(), sentence: "", slow: 0 };
function drawn(layer, sentence = "") {
  if (!drawing.layers.delete(layer)) return;
  drawing.sentence = sentence || drawing.sentence;
  if (drawing.layers.size) return;
  clearTimeout(drawing.slow);
  if (drawing.sentence || lasts) say(drawing.sentence);
  drawing.sentence = "";
}
/* Tell the person that a layer is drawn, and when it is, say a sentence once; not if a tile fails, for its error is said. */
function tellOf(layer, sentence = "", then = () => {}) {
  let whole = true;
  layer.on("loading", () => {
    whole = true;
    drawing.layers.add(layer);
    clearTimeout(drawing.slow);
    drawing.slow = setTimeout(() => say("Drawing …", true), 300);
  });
  layer.on("tileerror", () => { whole = false; });
  layer.on("load", () => { drawn(layer, whole ? sentence : ""); if (whole) { sentence = ""; then(); } });
  layer.on("remove", () => drawn(layer));
}
addEventListener("keydown", () => document.body.classList.add("keys"));
addEventListener("pointerdown", () => document.body.classList.remove("keys"));
let failed = 0;
function fail(error) {
  const box = element("error");
  box.textContent = error.message || "Something went wrong; reload the page.";
  box.hidden = false;
  say("");
  clearTimeout(failed);
  failed = setTimeout(() => { box.hidden = true; }, 12000);
}
/* What went wrong before is old when the person does the next thing. */
for (const deed of ["click", "change"]) addEventListener(deed, () => { element("error").hidden = true; }, true);
addEventListener("unhandledrejection", (event) => fail(event.reason instanceof Error ? event.reason : new Error("")));
addEventListener("error", () => fail(new Error("The page made a mistake; reload it.")));

/* What the address says after the hash: zoom/latitude/longitude and names with values. */
function readHash() {
  const [place, ...more] = decodeURIComponent(location.hash.slice(1)).split("&");
  const [zoom, lat, lon] = place.split("/").map(Number);
  const known = Object.fromEntries(more.map((part) => part.split(/=(.*)/).slice(0, 2)));
  const there = [zoom, lat, lon].every(Number.isFinite) && place.includes("/");
  return { view: there ? { zoom, lat: Math.min(85, Math.max(-85, lat)), lon } : null, ...known };
}

async function start() {
  const about = await served.about(), source = about.static ? await stored(about) : served;
  const betas = about.betas, asked = readHash();
  document.title = `${about.name} · rangegeo`;
  document.body.classList.toggle("static", about.static);
  element("name").textContent = about.name;
  element("told").textContent = about.told;
  element("cite").textContent = about.citation ? `Cite ${about.citation}.` : "";
  const [west, south, east, north] = about.bounds;
  const map = L.map("map", { maxZoom: about.most_zoom, minZoom: 1, zoomControl: false, worldCopyJump: true, attributionControl: false });
  L.control.zoom({ position: "topleft" }).addTo(map);
  const whole = east - west > 300, panel = element("panel"), narrow = panel.offsetWidth >= innerWidth;
  L.control.scale({ position: narrow ? "topleft" : "bottomleft", imperial: false }).addTo(map);
  const covered = narrow ? [0, panel.offsetHeight] : [innerWidth - panel.offsetLeft, 0];
  if (asked.view) map.setView([asked.view.lat, asked.view.lon], asked.view.zoom);
  else if (whole) {
    map.setView(about.zoom > 2 ? [46, 9] : [25, 10], innerWidth < 700 ? about.zoom - 1 : about.zoom);
    if (narrow) map.panBy([0, panel.offsetHeight / 2], { animate: false });
  } else map.fitBounds([[Math.max(-85, south), west], [Math.min(85, north), east]], { paddingBottomRight: covered });

  const slider = element("beta"), [lowest, highest] = [betas[0], betas[betas.length - 1]];
  let beta = betas.length ? (lowest + highest) / 2 : 0.5;
  if (asked.beta && Number.isFinite(+asked.beta) && betas.length) beta = Math.min(highest, Math.max(lowest, +asked.beta));
  element("scale").hidden = betas.length < 2;
  Object.assign(slider, { min: lowest, max: highest });
  slider.value = beta;

  let colours = null, layer = null, place = null, alike = null;
  const ramp = rampOf(about.alike);
  const ground = new GroundLayer({ source, zIndex: 9, maxZoom: about.most_zoom, pane: "overlayPane" }).addTo(map);
  element("key").querySelector("i").style.background = `linear-gradient(90deg, ${about.alike.join(",")})`;

  function keepAddress() {
    const centre = map.getCenter();
    let hash = `#${map.getZoom()}/${centre.lat.toFixed(4)}/${turned(centre.lng).toFixed(4)}`;
    if (betas.length > 1) hash += `&beta=${beta}`;
    if (colours && colours.name !== "pca") hash += `&colours=${colours.name}`;
    if (place) hash += `&place=${place.lon.toFixed(4)},${place.lat.toFixed(4)}`;
    history.replaceState(null, "", hash);
    const root = location.href.replace(/[#?].*$/, "").replace(/index\.html$/, "");
    const said = [betas.length > 1 ? `beta=${beta}` : "", colours && colours.name !== "pca" ? `colours=${colours.name}` : ""];
    const query = `?${said.filter(Boolean).join("&")}`.replace(/\?$/, "");
    element("xyz").value = `${root}tiles/{z}/{x}/{y}.png${query}`;
    element("tilejson").href = `tilejson.json${query}`;
  }

  function drawBeta() {
    element("beta-now").textContent = beta.toFixed(2);
    slider.setAttribute("aria-valuetext", `beta ${beta.toFixed(2)}`);
    if (layer) { layer.options.beta = beta; layer.repaint(); }
  }

  /* A question whose answer counts only if none was asked after it; otherwise its answer is null. */
  const turns = { colours: 0, place: 0 };
  async function latest(kind, answer) {
    const turn = ++turns[kind];
    const found = await answer.catch((error) => { if (turn === turns[kind]) throw error; });
    return turn === turns[kind] ? found : null;
  }

  async function choose(name) {
    say("Fitting colours …", true);
    const found = await latest("colours", source.colours(name));
    if (!found) return;
    colours = found;
    const fresh = new ColourLayer({
      source, betas, beta, colours: name, tables: colours.curves.map(shadesOf), zIndex: 1, maxZoom: about.most_zoom,
    }).on("failed", (event) => fail(event.error));
    tellOf(fresh);
    fresh.addTo(map);
    if (layer) layer.remove();
    layer = fresh;
    document.body.dataset.colours = name;
    keepAddress();
  }

  function chosenColours() {
    const kind = element("colours").value;
    element("bands").hidden = kind !== "bands";
    if (kind === "pca@") {
      const box = map.getBounds(), width = Math.min(360, box.getEast() - box.getWest());
      const left = Math.max(-540, box.getWest());
      return `pca@${[left, Math.max(-90, box.getSouth()), left + width, Math.min(90, box.getNorth())].map((side) => side.toFixed(2)).join(",")}`;
    }
    return kind === "bands" ? `bands-${element("bands").value.trim().split(/[\s,;]+/).join("-")}` : kind;
  }
  const rechoose = () => choose(chosenColours()).catch(fail);

  const pin = L.marker([0, 0], { icon: L.divIcon({ className: "pin", iconSize: [16, 16] }), keyboard: false, interactive: false });

  async function lookAt(lon, lat) {
    lon = turned(lon);
    say("Looking for places alike …", true);
    const found = await latest("place", source.place(lon, lat, beta));
    if (!found) return;
    place = { lon, lat };
    pin.setLatLng([lat, lon]).addTo(map);
    const fresh = new LikenessLayer({ source, place: { lon, lat, beta }, low: found.low, ramp, zIndex: 2, maxZoom: about.most_zoom })
      .on("failed", (event) => fail(event.error));
    tellOf(fresh, `What looks like ${show(lon, lat)} is bright.`, () => { document.body.dataset.alike = "drawn"; });
    delete document.body.dataset.alike;
    fresh.addTo(map);
    if (alike) alike.remove();
    alike = fresh;
    element("place").hidden = false;
    element("where").textContent = `${show(lon, lat)}${betas.length > 1 ? `, at beta ${beta.toFixed(2)}` : ""}. Brighter is more alike (cosine):`;
    element("key-low").textContent = found.low.toFixed(2);
    element("key").setAttribute("aria-label", `Colours from ${found.low.toFixed(2)}, dark, to 1, bright`);
    element("strongest").textContent = `Strongest: ${found.names.map((name, at) => `${name} ${found.values[at]}`).join(", ")}`;
    element("vector").value = found.bands.join(", ");
    drawRows(found.neighbours || []);
    keepAddress();
  }

  function drawRows(rows) {
    const box = element("rows");
    box.replaceChildren();
    if (!rows.length) return;
    const table = document.createElement("table");
    table.createCaption().textContent = "Database rows that decide";
    const head = table.createTHead().insertRow();
    for (const text of ["place", "km", "weight"]) head.append(Object.assign(document.createElement("th"), { textContent: text, scope: "col" }));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      const go = Object.assign(document.createElement("button"), { type: "button", textContent: show(row.lon, row.lat) });
      go.addEventListener("click", () => map.panTo([row.lat, row.lon]));
      line.insertCell().append(go);
      line.insertCell().textContent = Math.round(row.km).toLocaleString();
      line.insertCell().textContent = `${(100 * row.weight).toFixed(1)} %`;
    }
    box.append(table);
  }

  function forget() {
    turns.place += 1;
    if (alike) alike.remove();
    pin.remove();
    place = alike = null;
    delete document.body.dataset.alike;
    element("place").hidden = true;
    keepAddress();
    element("map").focus();
  }

  const labels = about.static ? null : labelling({ map, source, about, show, say, fail });
  const now = () => ({ beta, colours: colours.name, place, learned: labels.state.learned?.name });
  if (!about.static) saving({ map, source, say, fail, now });
  const labelsNow = () => labels && document.querySelector("input[name=click]:checked").value === "label";
  const act = (at) => (labelsNow() ? labels.add(turned(at.lng), at.lat) : lookAt(at.lng, at.lat).catch(fail));

  map.on("click", (event) => act(event.latlng));
  map.on("moveend", keepAddress);
  map.on("moveend", () => setTimeout(() => { // by then layers have begun to draw
    const { lng, lat } = map.getCenter();
    if (document.activeElement !== element("map") || !document.body.classList.contains("keys")) return;
    say(`The middle is ${show(turned(lng), lat)}, at zoom ${map.getZoom()}.`);
    if (drawing.layers.size) drawing.sentence = element("status").textContent;
  }));
  element("map").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === element("map")) { event.preventDefault(); act(map.getCenter()); }
  });
  slider.addEventListener("input", () => { beta = +slider.value; drawBeta(); });
  slider.addEventListener("change", () => { keepAddress(); if (place) lookAt(place.lon, place.lat).catch(fail); });
  element("colours").addEventListener("change", rechoose);
  element("bands").addEventListener("change", rechoose);
  element("forget").addEventListener("click", forget);
  for (const radio of document.querySelectorAll("input[name=click]")) {
    radio.addEventListener("change", () => {
      element("labels").hidden = !labelsNow();
      if (labelsNow() && place) forget();
    });
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const field = element(button.dataset.of);
      field.select();
      await navigator.clipboard.writeText(field.value).catch(() => document.execCommand("copy"));
      say("Copied.");
    });
  }
  element("fold").addEventListener("click", () => {
    const hidden = (element("controls").hidden = !element("controls").hidden);
    element("panel").classList.toggle("folded", hidden);
    element("fold").textContent = hidden ? "+" : "–";
    element("fold").setAttribute("aria-expanded", String(!hidden));
    element("fold").setAttribute("aria-label", hidden ? "Show the controls" : "Hide the controls");
  });

  drawBeta();
  const first = (!about.static && asked.colours) || "pca", kind = first.startsWith("bands-") ? "bands" : first.startsWith("pca@") ? "pca@" : first;
  element("colours").value = kind;
  if (kind === "bands") { element("bands").hidden = false; element("bands").value = first.slice(6).split("-").join(","); }
  await choose(first).catch(async (error) => { fail(error); if (first !== "pca") { element("colours").value = "pca"; element("bands").value = "1,2,3"; element("bands").hidden = true; await choose("pca"); } });
  const [lon, lat] = (asked.place || "").split(",").map(Number);
  if (asked.place && Number.isFinite(lon) && Number.isFinite(lat)) await lookAt(lon, lat);
  document.body.dataset.ready = "yes";
}

start().catch(fail);
