// The path of this page is that of the service, which a scope or a proxy may have put before it, and DEPTH segments more.
const segments = location.pathname.replace(/\/+$/, "").split("/");
const service = segments.slice(0, segments.length - DEPTH).join("/");
const url = `${location.origin}${service}/openapi.json`;

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url,
  deepLinking: true,
  persistAuthorization: false,
  // By default the page would have the document checked by a host of its maker's.
  validatorUrl: null,
  // To Swagger UI, a server is relative to the document when it calls an operation, and to the page when it logs in.
  responseInterceptor: (response) => {
    if (response.ok && response.url === url) {
      const description = JSON.parse(response.text);
      for (const server of description.servers) {
        server.url = new URL(server.url, url).href;
      }
      response.text = JSON.stringify(description);
    }
    return response;
  },
});
