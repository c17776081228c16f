using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Skipwise.Server;

/// <summary>The page at /: a person gives it a document and asks about it. It is static and uses the API alone. It needs no key: it holds
/// nothing, and asks for the key that the API needs.</summary>
internal static class WebPage
{
    // the page's own files and this server's API: no other host, no script or style in the page, no frame around it
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Adds / and the files below /assets.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        Add("/", "index.html", "text/html; charset=utf-8");
        Add("/assets/page.css", "page.css", "text/css; charset=utf-8");
        foreach (string script in (string[])["page.js", "api.js", "document.js", "exchange.js", "evidence.js"])
        {
            Add($"/assets/{script}", script, "text/javascript; charset=utf-8");
        }
        Add("/assets/icon.svg", "icon.svg", "image/svg+xml");

        void Add(string path, string file, string type)
        {
            byte[] content = Read(file);
            Task Send(HttpContext http)
            {
                http.Response.ContentType = type;
                http.Response.ContentLength = content.Length;
                http.Response.Headers.ContentSecurityPolicy = Policy;
                http.Response.Headers.XContentTypeOptions = "nosniff";
                http.Response.Headers["Referrer-Policy"] = "no-referrer";
                http.Response.Headers.CacheControl = "no-cache"; // of the next version of the server, all files are new
                return http.Response.Body.WriteAsync(content, http.RequestAborted).AsTask();
            }
            routes.MapGet(path, Send);
        }
    }

    private static byte[] Read(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
