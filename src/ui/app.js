// The way in: starts the page that the document says it is. Everything shown comes from the public
// HTTP and WebSocket interface of this very server; nothing here knows more than any other client.

import { startAccount } from "./account.js";
import { startHome } from "./home.js";

const pages = { home: startHome, account: startAccount };

pages[document.body.dataset.page]?.();
