// Questions of a page to the server: over a socket that stays open, over a request while there is none.

export class Asking {
  /** `address()` says where: a URL without its last part. Where it changes, the next question opens a new socket. */
  constructor(address) { this.address = address; }

  url(what) { return new URL(`${this.address()}/${what}`, document.baseURI); }

  async ask(what, question) { return (await this.follow(question)) ?? this.request(what, question); }

  /** The answer over the socket; null while it does not stand, or where it ends first. */
  async follow(question) {
    const url = this.url("follow");
    url.protocol = url.protocol.replace("http", "ws");
    if (this.socket?.url !== url.href || this.socket.readyState > WebSocket.OPEN) {
      this.socket?.close();
      this.socket = new WebSocket(url);
    }
    const { socket } = this;
    if (socket.readyState !== WebSocket.OPEN) return null;
    const reply = new Promise((done) => {
      socket.onmessage = (event) => done(JSON.parse(event.data));
      socket.onclose = socket.onerror = () => done(null);
    });
    socket.send(JSON.stringify(question));
    return reply;
  }

  async request(what, question) {
    try {
      return await (await fetch(this.url(what), { method: "POST", body: JSON.stringify(question) })).json();
    } catch {
      return { error: "the server does not answer: try again in a moment" };
    }
  }

  close() { this.socket?.close(); }
}
