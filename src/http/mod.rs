//! How to ask: HTTP and WebSocket.
