// The socket to a run: opens it, reads its messages, comes back where it is lost.
//
// A message is JSON text; one that carries images is binary: the length of the JSON in four bytes (little-endian),
// the JSON, and the images' bytes, to which {"at": [offset, length], "type": ...} in the JSON points.

export class Link {
  constructor({ address, heard, lost, Socket = globalThis.WebSocket, wait = (again, ms) => setTimeout(again, ms) }) {
    Object.assign(this, { address, heard, lost, Socket, wait });
    this.tries = 0;
  }

  /** Open it; `after` gives the last step that is here already, so that only what is newer comes. */
  open(after) {
    this.socket?.close();
    const socket = new this.Socket(this.address(after()));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.tries = 0;
      this.heard(read(event.data));
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.tries += 1;
      if (this.tries > 3) this.lost();
      this.wait(() => socket === this.socket && this.open(after), Math.min(500 * this.tries, 4000));
    };
  }

  send(command) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(command));
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}

export function read(data) {
  if (typeof data === "string") return JSON.parse(data);
  const length = new DataView(data).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(data, 4, length));
  const start = 4 + length;
  return JSON.parse(text, (_key, value) => {
    if (!Array.isArray(value?.at) || !value.type) return value;
    const { at: [offset, size], ...rest } = value;
    return { ...rest, bytes: new Blob([new Uint8Array(data, start + offset, size)], { type: value.type }) };
  });
}
