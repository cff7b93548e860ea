/* Evaluates stored coefficients: Chebyshev series of scores of principal components, in tiles of the globe. */
"use strict";

const SIDE = 256, GROUP = 3; // pixels of a tile; components in a chunk
let about, root, field, tables, boxes;
const chunks = new Map();

async function ask(path) {
  const answer = await fetch(root + path).catch(() => null);
  if (!answer || !answer.ok) throw new Error("A file of this page did not arrive. Check the connection, and reload the page.");
  return answer;
}

async function open(given, address) {
  about = given;
  root = address;
  field = (await (await ask("zarr.json")).json()).attributes;
  const read = async (name, Kind) => new Kind(await (await ask(name)).arrayBuffer());
  const [child, tile, bounds, count] = await Promise.all([
    read("tree/child/c/0", Int32Array), read("tree/tile/c/0", Int32Array),
    read("tiles/bounds/c/0/0", Float64Array), read("tiles/count/c/0/0", Uint8Array),
  ]);
  const arrays = await Promise.all(field.parts.map(async (part) => {
    const told = await (await ask(`parts/${part}/zarr.json`)).json();
    return { shape: told.shape, chunk: told.chunk_grid.configuration.chunk_shape, kind: told.data_type };
  }));
  tables = { child, tile, bounds, count, arrays, tiles: bounds.length / 4 };
  boxes = boxesOf(child, tile);
}

/* West, south, east, north of what each tile holds. */
function boxesOf(child, tile) {
  const nodes = [], rows = field.columns.length;
  field.columns.forEach((columns, row) => {
    for (let column = 0; column < columns; column++) {
      nodes.push([-180 + (360 * column) / columns, -90 + (180 * row) / rows, -180 + (360 * (column + 1)) / columns, -90 + (180 * (row + 1)) / rows]);
    }
  });
  const found = new Array(tables.tiles);
  for (let node = 0; node < child.length; node++) {
    const [west, south, east, north] = nodes[node];
    if (child[node] >= 0) {
      const lon = (west + east) / 2, lat = (south + north) / 2;
      [[west, south, lon, lat], [lon, south, east, lat], [west, lat, lon, north], [lon, lat, east, north]]
        .forEach((box, quarter) => { nodes[child[node] + quarter] = box; });
    } else if (tile[node] >= 0) found[tile[node]] = nodes[node];
  }
  return found;
}

/* A chunk of coefficients: tiles, coefficients and components, in this order. */
function chunk(part, block, group) {
  const key = `parts/${field.parts[part]}/c/${block}/0/${group}`;
  if (!chunks.has(key)) {
    const wanted = ask(key).then(async (answer) => {
      const plain = answer.body.pipeThrough(new DecompressionStream("gzip"));
      const bytes = await new Response(plain).arrayBuffer();
      return tables.arrays[part].kind === "int16" ? new Int16Array(bytes) : new Int32Array(bytes);
    });
    wanted.catch(() => chunks.delete(key)); // the next tile asks again
    chunks.set(key, wanted);
    if (chunks.size > 600) chunks.delete(chunks.keys().next().value);
  }
  return chunks.get(key);
}

/* (n, n) coefficients of a component in a tile, by their degrees along latitude and longitude. */
async function coefficients(part, tile, component) {
  const { shape, chunk: size } = tables.arrays[part], n = tables.count[part * tables.tiles + tile];
  const values = await chunk(part, Math.floor(tile / size[0]), Math.floor(component / GROUP));
  const start = (tile % size[0]) * shape[1] * GROUP + (component % GROUP), unit = field.units[component];
  const square = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const at = j <= i ? i * i + j : j * j + 2 * j - i;
      square[i * n + j] = unit * values[start + at * GROUP];
    }
  }
  return { n, square };
}

/* (places, n) values of Chebyshev polynomials at positions from -1 to 1. */
function polynomials(positions, n) {
  const bend = Math.asin(field.stretch), table = new Float64Array(positions.length * n);
  positions.forEach((position, place) => {
    const u = Math.max(-1, Math.min(1, Math.sin(Math.max(-1, Math.min(1, position)) * bend) / field.stretch));
    let before = 1, now = u;
    for (let degree = 0; degree < n; degree++) {
      table[place * n + degree] = before;
      [before, now] = [now, 2 * u * now - before];
    }
  });
  return table;
}

const positions = (along, low, high) => along.map((value) => (2 * (value - low)) / (high - low) - 1);

/* Add a series at the crossings of rows and columns to an output; `spread` says where each crossing lies in it. */
function evaluate({ n, square }, down, across, rows, cols, out, start, spread) {
  const half = new Float64Array(n * cols.length);
  for (let i = 0; i < n; i++) {
    for (let col = 0; col < cols.length; col++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += square[i * n + j] * across[col * n + j];
      half[i * cols.length + col] = sum;
    }
  }
  const line = new Float64Array(cols.length);
  for (let row = 0; row < rows.length; row++) {
    line.fill(0);
    for (let i = 0; i < n; i++) {
      const factor = down[row * n + i], from = i * cols.length;
      for (let col = 0; col < cols.length; col++) line[col] += factor * half[from + col];
    }
    for (let col = 0; col < cols.length; col++) out[start + spread(rows[row], cols[col])] = line[col];
  }
}

/* The longitudes of the columns and the latitudes of the rows of a tile. */
function axes({ z, x, y }) {
  const world = SIDE * 2 ** z, lon = [], lat = [];
  for (let pixel = 0; pixel < SIDE; pixel++) {
    lon.push(((x * SIDE + pixel + 0.5) / world) * 360 - 180);
    lat.push((Math.atan(Math.sinh(Math.PI * (1 - (2 * (y * SIDE + pixel + 0.5)) / world))) * 180) / Math.PI);
  }
  return { lon, lat };
}

/* (series, SIDE, SIDE) values of a web tile; `wanted` gives the series of a tile of the globe. NaN where there is none. */
async function draw(at, series, wanted) {
  const { lon, lat } = axes(at), out = new Float32Array(series * SIDE * SIDE).fill(NaN), spread = (row, col) => row * SIDE + col;
  const touched = [];
  boxes.forEach((box, tile) => {
    if (!box || box[0] > lon[SIDE - 1] || box[2] < lon[0] || box[1] > lat[0] || box[3] < lat[SIDE - 1]) return;
    const rows = [], cols = [];
    lat.forEach((value, row) => { if (value >= box[1] && (value < box[3] || box[3] >= 90)) rows.push(row); });
    lon.forEach((value, col) => { if (value >= box[0] && (value < box[2] || box[2] >= 180)) cols.push(col); });
    if (rows.length && cols.length) touched.push({ tile, rows, cols });
  });
  const found = await Promise.all(touched.map(({ tile }) => wanted(tile)));
  touched.forEach(({ tile, rows, cols }, index) => {
    const [west, south, east, north] = tables.bounds.subarray(4 * tile, 4 * tile + 4);
    const w = positions(rows.map((row) => lat[row]), south, north), u = positions(cols.map((col) => lon[col]), west, east);
    const known = {};
    found[index].forEach((one, number) => {
      known[one.n] ??= [polynomials(w, one.n), polynomials(u, one.n)];
      evaluate(one, ...known[one.n], rows, cols, out, number * SIDE * SIDE, spread);
    });
  });
  return out;
}

/* Numbers of the colours at each beta, as those of the server. */
async function numbers(at) {
  const { low, step } = about.colours, parts = field.parts.length;
  const scores = await draw(at, parts * GROUP, (tile) => Promise.all(
    Array.from({ length: parts * GROUP }, (_, series) => coefficients(Math.floor(series / GROUP), tile, series % GROUP))));
  const out = new Uint16Array(scores.length);
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index], channel = Math.floor(index / (SIDE * SIDE)) % GROUP;
    if (score === score) out[index] = Math.max(1, Math.min(65535, Math.round(1 + (score - low[channel]) / step[channel])));
  }
  return out;
}

/* The coefficients of all components of a tile at a beta. */
function blended(tile, beta) {
  const shares = field.parts.length > 1 ? [1 - beta, beta] : [1];
  return Promise.all(field.units.map(async (_, component) => {
    const parts = await Promise.all(shares.map((_, part) => coefficients(part, tile, component)));
    const n = Math.max(...parts.map((part) => part.n)), square = new Float64Array(n * n);
    parts.forEach((part, index) => {
      for (let i = 0; i < part.n; i++) for (let j = 0; j < part.n; j++) square[i * n + j] += shares[index] * part.square[i * part.n + j];
    });
    return { n, square };
  }));
}

/* The cosine of the embeddings of two places, from their scores. */
function cosine(one, other) {
  let dot = about.mean_square, first = about.mean_square, second = about.mean_square;
  one.forEach((score, index) => {
    const mean = about.mean_scores[index], second_ = other[index];
    dot += mean * (score + second_) + score * second_;
    first += (2 * mean + score) * score;
    second += (2 * mean + second_) * second_;
  });
  return dot / Math.sqrt(first * second);
}

async function scoresAt(lon, lat, beta) {
  const tile = boxes.findIndex((box) => box && lon >= box[0] && (lon < box[2] || box[2] >= 180) && lat >= box[1] && (lat < box[3] || box[3] >= 90));
  if (tile < 0) throw new Error("There are no data at this place; choose one inside of the coloured area.");
  const [west, south, east, north] = tables.bounds.subarray(4 * tile, 4 * tile + 4);
  return (await blended(tile, beta)).map((one) => {
    const down = polynomials(positions([lat], south, north), one.n), across = polynomials(positions([lon], west, east), one.n);
    const out = [0];
    evaluate(one, down, across, [0], [0], out, 0, () => 0);
    return out[0];
  });
}

async function place(lon, lat, beta) {
  const scores = await scoresAt(lon, lat, beta), shares = field.parts.length > 1 ? [1 - beta, beta] : [1];
  const alike = about.references[0].map((row, index) => cosine(scores, row.map((score, component) =>
    shares.reduce((sum, share, part) => sum + share * about.references[part][index][component], 0))));
  alike.sort((one, other) => one - other);
  const order = scores.map((_, index) => index).sort((one, other) => Math.abs(scores[other]) - Math.abs(scores[one])).slice(0, 8);
  return {
    lon, lat, beta, bands: scores.map((score) => +score.toFixed(5)), names: order.map((index) => about.names[index]),
    values: order.map((index) => +scores[index].toFixed(4)), low: alike[Math.floor(0.2 * alike.length)], neighbours: [],
  };
}

async function likeness(at, { lon, lat, beta }) {
  const other = await scoresAt(lon, lat, beta), count = other.length;
  const scores = await draw(at, count, (tile) => blended(tile, beta)), size = SIDE * SIDE, out = new Float32Array(size);
  let second = about.mean_square;
  other.forEach((score, index) => { second += (2 * about.mean_scores[index] + score) * score; });
  for (let pixel = 0; pixel < size; pixel++) {
    let dot = about.mean_square, first = about.mean_square;
    for (let component = 0; component < count; component++) {
      const score = scores[component * size + pixel], mean = about.mean_scores[component];
      dot += mean * (score + other[component]) + score * other[component];
      first += (2 * mean + score) * score;
    }
    out[pixel] = dot / Math.sqrt(first * second);
  }
  return out;
}

const calls = { open, numbers, place, likeness };
onmessage = async ({ data: { id, name, given } }) => {
  try {
    const value = await calls[name](...given);
    postMessage({ id, value }, value && value.buffer ? [value.buffer] : []);
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
