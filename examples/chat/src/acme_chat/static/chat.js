const room = document.body.dataset.room;
const where = new URL(`rooms/${encodeURIComponent(room)}`, document.baseURI);
where.protocol = where.protocol.replace("http", "ws");
where.search = "";
const socket = new WebSocket(where);
socket.onmessage = (event) => {
  const line = document.createElement("li");
  line.textContent = event.data;
  document.getElementById("said").append(line);
};
document.getElementById("say").onsubmit = (event) => {
  event.preventDefault();
  socket.send(event.target.text.value);
  event.target.reset();
};
