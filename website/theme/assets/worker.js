// Browsers start no worker from a disk. There a hidden frame runs the script of the search in its place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      this.scope = new Promise(resolve => {
        frame.onload = () => {
          frame.contentWindow.postMessage = data => this.dispatchEvent(new MessageEvent("message", {data}));
          resolve(frame.contentWindow);
        };
      });
      frame.hidden = true;
      frame.srcdoc = `<script src="${new URL(url, location)}"></script>`;
      document.body.append(frame);
    }

    postMessage(data) {
      this.scope.then(scope => scope.dispatchEvent(new MessageEvent("message", {data})));
    }
  };
}
