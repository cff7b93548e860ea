/* Layers of the map. A tile's numbers are fetched once; another beta only paints them again. */
"use strict";

const SIDE = 256;

/* Shades of 16-bit numbers, from the numbers at which they are evenly spaced from 1 to 255. */
function shadesOf(curve) {
  const table = new Uint8ClampedArray(65536);
  const last = curve.length - 1;
  let knot = 0;
  for (let number = 1; number < 65536; number++) {
    while (knot < last - 1 && number > curve[knot + 1]) knot++;
    const span = curve[knot + 1] - curve[knot];
    const share = span > 0 ? (number - curve[knot]) / span : number < curve[knot] ? 0 : 1;
    table[number] = 1 + (254 * (knot + Math.min(1, Math.max(0, share)))) / last;
  }
  return table;
}

/* The two layers around a beta, and the share of the second. */
function around(betas, beta) {
  if (betas.length < 2) return [0, 0, 0];
  let upper = 1;
  while (upper < betas.length - 1 && betas[upper] < beta) upper++;
  const share = (beta - betas[upper - 1]) / (betas[upper] - betas[upper - 1]);
  return [upper - 1, upper, Math.min(1, Math.max(0, share))];
}

const DataLayer = L.GridLayer.extend({
  /* A layer whose tiles are canvases, painted from data that `load` promises. */
  initialize(options) {
    L.GridLayer.prototype.initialize.call(this, Object.assign({ tileSize: SIDE, keepBuffer: 2 }, options));
    this.on("tileunload", (event) => event.tile.stop && event.tile.stop.abort());
  },
  createTile(at, done) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    canvas.stop = new AbortController();
    this.load(at, canvas.stop.signal).then((data) => {
      canvas.data = data;
      this.paint(canvas);
      done(null, canvas);
    }, (error) => {
      if (error.name !== "AbortError") this.fire("failed", { error });
      done(error, canvas);
    });
    return canvas;
  },
  repaint() {
    for (const key in this._tiles) if (this._tiles[key].el.data) this.paint(this._tiles[key].el);
  },
});

const ColourLayer = DataLayer.extend({
  load(at, signal) { return this.options.source.numbers(at, this.options.colours, signal); },
  paint(canvas) {
    const { data } = canvas, { betas, tables } = this.options;
    const [low, high, share] = around(betas, this.options.beta);
    const size = SIDE * SIDE, first = low * 3 * size, second = high * 3 * size;
    const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
    const out = new Uint32Array(image.data.buffer);
    for (let pixel = 0; pixel < size; pixel++) {
      if (!data[first + pixel] || !data[second + pixel]) continue;
      let colour = 0xff000000;
      for (let channel = 0; channel < 3; channel++) {
        const at = channel * size + pixel, from = data[first + at];
        colour |= tables[channel][(from + share * (data[second + at] - from) + 0.5) | 0] << (8 * channel);
      }
      out[pixel] = colour;
    }
    context.putImageData(image, 0, 0);
  },
});

const LikenessLayer = DataLayer.extend({
  load(at, signal) { return this.options.source.likeness(at, this.options.place, signal); },
  paint(canvas) {
    const { data } = canvas, { low, ramp } = this.options;
    const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
    const out = new Uint32Array(image.data.buffer), last = ramp.length - 1, scale = last / Math.max(1 - low, 1e-6);
    for (let pixel = 0; pixel < out.length; pixel++) {
      const value = data[pixel];
      if (value === value) out[pixel] = ramp[(Math.min(last, Math.max(0, (value - low) * scale)) + 0.5) | 0];
    }
    context.putImageData(image, 0, 0);
  },
});

/* 256 colours between those of a key, as canvases hold them. */
function rampOf(colours) {
  const rgb = colours.map((colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, step) => {
    const along = (step / 255) * (rgb.length - 1), lower = Math.min(rgb.length - 2, Math.floor(along));
    const mixed = rgb[lower].map((from, channel) => Math.round(from + (along - lower) * (rgb[lower + 1][channel] - from)));
    return (0xff000000 | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0]) >>> 0;
  });
}

/* Coastlines, cut into lines with their boxes. */
function cutLines(numbers) {
  const lines = [];
  for (let start = 0; start < numbers.length;) {
    let end = start;
    const box = [999, 999, -999, -999];
    while (end < numbers.length && numbers[end] !== -32768) {
      const lon = numbers[end] / 180, lat = numbers[end + 1] / 180;
      box[0] = Math.min(box[0], lon); box[1] = Math.min(box[1], lat);
      box[2] = Math.max(box[2], lon); box[3] = Math.max(box[3], lat);
      end += 2;
    }
    if (end - start > 2) lines.push({ points: numbers.subarray(start, end), box });
    start = end + 2;
  }
  return lines;
}

function detailAt(zoom) { return zoom < 2 ? "coarse" : zoom < 6 ? "middle" : "fine"; }

const STEPS = [60, 30, 30, 15, 10, 5, 2, 1, 0.5, 0.25, 0.1];
const rounded = (value) => +value.toFixed(6);

const GroundLayer = DataLayer.extend({
  /* Coastlines and a graticule. */
  lines: {},
  async load(at) {
    const detail = detailAt(at.z);
    if (!this.lines[detail]) this.lines[detail] = this.options.source.lines(detail).then(cutLines);
    return { at, lines: await this.lines[detail].catch(() => []) };
  },
  paint(canvas) {
    const { at, lines } = canvas.data, world = SIDE * 2 ** at.z, left = at.x * SIDE, top = at.y * SIDE;
    const context = canvas.getContext("2d");
    const x = (lon) => ((lon + 180) / 360) * world - left;
    const y = (lat) => {
      const sine = Math.sin((Math.max(-85.2, Math.min(85.2, lat)) * Math.PI) / 180);
      return (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * world - top;
    };
    const west = (left / world) * 360 - 180, east = west + (SIDE / world) * 360;
    const lat = (row) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * (top + row)) / world))) * 180) / Math.PI;
    const north = lat(0), south = lat(SIDE), margin = (2 / world) * 360;
    context.clearRect(0, 0, SIDE, SIDE);
    const path = new Path2D();
    for (const { points, box } of lines) {
      if (box[0] > east + margin || box[2] < west - margin || box[1] > north + margin || box[3] < south - margin) continue;
      for (let at = 0; at < points.length; at += 2) {
        const to = [x(points[at] / 180), y(points[at + 1] / 180)];
        if (at) path.lineTo(...to); else path.moveTo(...to);
      }
    }
    context.lineJoin = "round";
    context.strokeStyle = "#fff9"; context.lineWidth = 2.4; context.stroke(path);
    context.strokeStyle = "#101820"; context.lineWidth = 1; context.stroke(path);
    const step = STEPS[Math.min(at.z, STEPS.length - 1)] / 2 ** Math.max(0, at.z - STEPS.length + 1);
    context.strokeStyle = "#0004"; context.lineWidth = 1; context.font = "11px system-ui, sans-serif";
    const label = (text, column, row) => {
      context.strokeStyle = "#fffc"; context.lineWidth = 3; context.strokeText(text, column, row);
      context.fillStyle = "#1c2430"; context.fillText(text, column, row);
    };
    for (let lon = Math.ceil(west / step) * step; lon < east; lon += step) {
      context.strokeStyle = "#0004"; context.lineWidth = 1;
      context.beginPath(); context.moveTo(x(lon), 0); context.lineTo(x(lon), SIDE); context.stroke();
      if (at.y % 2 === 0) label(`${rounded(Math.abs(lon))}°${lon < 0 ? "W" : lon > 0 ? "E" : ""}`, x(lon) + 3, 12);
    }
    for (let parallel = Math.ceil(south / step) * step; parallel < north; parallel += step) {
      context.strokeStyle = "#0004"; context.lineWidth = 1;
      context.beginPath(); context.moveTo(0, y(parallel)); context.lineTo(SIDE, y(parallel)); context.stroke();
      if (at.x % 2 === 0) label(`${rounded(Math.abs(parallel))}°${parallel < 0 ? "S" : parallel > 0 ? "N" : ""}`, 3, y(parallel) - 3);
    }
  },
});
