using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Skipwise.Hub;

namespace Skipwise.Tests.Hub;

/// <summary>A request that was received.</summary>
/// <param name="OfStorage">at the second host, where large files are</param>
internal sealed record HubRequest(bool OfStorage, string Method, string Path, string? Range, string? Authorization);

/// <summary>
/// A server on this machine that answers as the Hugging Face hub does, for one model: the list of a revision, small files with their git
/// hash, and redirects to a second host for large ones.
/// </summary>
internal sealed class FakeHub : IDisposable
{
    public const string Model = "org/tiny";

    private readonly HttpListener _hub, _storage;
    private readonly List<Task> _answers = [];
    private readonly Task[] _loops;

    public FakeHub()
    {
        (_hub, HubPort) = Listen();
        (_storage, StoragePort) = Listen();
        _loops = [Task.Run(() => Accept(_hub)), Task.Run(() => Accept(_storage))];
    }

    public int HubPort { get; }

    public int StoragePort { get; }

    public string Endpoint => $"http://127.0.0.1:{HubPort}";

    public string Commit { get; set; } = new('a', 40);

    /// <summary>small files by name</summary>
    public Dictionary<string, byte[]> Small { get; } = [];

    /// <summary>large files by name</summary>
    public Dictionary<string, byte[]> Large { get; } = [];

    /// <summary>what is sent in place of a file's bytes</summary>
    public Dictionary<string, byte[]> Altered { get; } = [];

    /// <summary>bytes after which the next answers with a file are cut</summary>
    public ConcurrentDictionary<string, ConcurrentQueue<int>> Cuts { get; } = [];

    /// <summary>answers in the server's place if it returns true</summary>
    public Func<HttpListenerContext, bool>? Intercept { get; set; }

    /// <summary>called before the body of a large file</summary>
    public Action<string>? BeforeBody { get; set; }

    /// <summary>the list says sizes and hashes</summary>
    public bool Describes { get; set; } = true;

    public bool KnowsRanges { get; set; } = true;

    public ConcurrentQueue<HubRequest> Requests { get; } = [];

    public IEnumerable<string> Ranges(string file) =>
        Requests.Where(request => request.Path.EndsWith($"/{file}", StringComparison.Ordinal) && request.OfStorage)
            .Select(request => request.Range ?? "");

    public HubSettings Settings(string home) => new()
    {
        Endpoint = new Uri(Endpoint + "/"),
        Cache = Path.Combine(home, "hub"),
        Token = "hf_secret",
        TokenSource = "HF_TOKEN",
        Wait = (_, _) => Task.CompletedTask,
    };

#pragma warning disable CA5350 // it is git's
    public static string GitHash(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static void Refuse(HttpListenerContext context, int status, string code = "", params (string Name, string Value)[] headers)
    {
        context.Response.StatusCode = status;
        if (code.Length > 0)
        {
            context.Response.AddHeader("X-Error-Code", code);
        }
        foreach ((string name, string value) in headers)
        {
            context.Response.AddHeader(name, value);
        }
        context.Response.Close();
    }

    public void Dispose()
    {
        if (!_hub.IsListening)
        {
            return;
        }
        _hub.Close();
        _storage.Close();
        Task.WaitAll(_loops);
        lock (_answers)
        {
            Task.WaitAll([.. _answers]);
        }
    }

    private static (HttpListener Listener, int Port) Listen()
    {
        while (true)
        {
            int port;
            using (var free = new TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                port = ((IPEndPoint)free.LocalEndpoint).Port;
            }
            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                listener.Start();
                return (listener, port);
            }
            catch (HttpListenerException) { } // another process was faster
        }
    }

    private async Task Accept(HttpListener listener)
    {
        try
        {
            while (true)
            {
                HttpListenerContext context = await listener.GetContextAsync();
                lock (_answers)
                {
                    _answers.Add(Task.Run(() => Answer(context)));
                }
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException) { } // closed
    }

    private void Answer(HttpListenerContext context)
    {
        HttpListenerRequest request = context.Request;
        string path = Uri.UnescapeDataString(request.Url!.AbsolutePath);
        bool ofStorage = request.Url.Port == StoragePort;
        Requests.Enqueue(new(ofStorage, request.HttpMethod, path, request.Headers["Range"], request.Headers["Authorization"]));
        try
        {
            string name = path[(path.LastIndexOf('/') + 1)..];
            if (Intercept?.Invoke(context) is true)
            {
                return;
            }
            if (path == $"/api/models/{Model}/revision/main" || path == $"/api/models/{Model}/revision/{Commit}")
            {
                Send(context, "list", Encoding.UTF8.GetBytes(List()));
            }
            else if (path.StartsWith("/api/", StringComparison.Ordinal))
            {
                bool isModel = path.StartsWith($"/api/models/{Model}/", StringComparison.Ordinal);
                Refuse(context, 404, isModel ? "RevisionNotFound" : "RepoNotFound");
            }
            else if (path != $"/{Model}/resolve/{Commit}/{name}" && !ofStorage)
            {
                Refuse(context, 404, "EntryNotFound");
            }
            else if (Small.TryGetValue(name, out byte[]? small))
            {
                context.Response.AddHeader("ETag", $"\"{GitHash(small)}\"");
                Send(context, name, small);
            }
            else if (!ofStorage)
            {
                Refuse(context, 302, "", ("Location", $"http://127.0.0.1:{StoragePort}/signed/{name}?signature=1"),
                    ("X-Linked-Etag", $"\"{Sha256(Large[name])}\""),
                    ("X-Linked-Size", Large[name].Length.ToString(CultureInfo.InvariantCulture)));
            }
            else
            {
                BeforeBody?.Invoke(name);
                Send(context, name, Large[name]);
            }
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException
            || (e is InvalidOperationException && !_hub.IsListening))
        {
            // the client has gone, or the hub was closed before this answer was sent
        }
    }

    private void Send(HttpListenerContext context, string name, byte[] content)
    {
        byte[] body = Altered.GetValueOrDefault(name, content);
        string? range = context.Request.Headers["Range"];
        int from = KnowsRanges && range is not null ? int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture) : 0;
        HttpListenerResponse response = context.Response;
        if (from > 0)
        {
            response.StatusCode = 206;
            response.AddHeader("Content-Range", $"bytes {from}-{body.Length - 1}/{body.Length}");
        }
        response.ContentLength64 = body.Length - from;
        if (context.Request.HttpMethod == "HEAD")
        {
            response.Close();
            return;
        }
        if (Cuts.TryGetValue(name, out ConcurrentQueue<int>? cuts) && cuts.TryDequeue(out int after))
        {
            response.OutputStream.Write(body, from, after);
            response.OutputStream.Flush();
            response.Abort();
            return;
        }
        response.OutputStream.Write(body, from, body.Length - from);
        response.Close();
    }

    private string List() => JsonSerializer.Serialize(new
    {
        sha = Commit,
        siblings = Small.Select(file => Sibling(file.Key, file.Value, false))
            .Concat(Large.Select(file => Sibling(file.Key, file.Value, true))),
    });

    private Dictionary<string, object> Sibling(string name, byte[] content, bool isLarge)
    {
        var sibling = new Dictionary<string, object> { ["rfilename"] = name };
        if (Describes)
        {
            (sibling["size"], sibling["blobId"]) = (content.Length, GitHash(content));
            if (isLarge)
            {
                sibling["lfs"] = new { sha256 = Sha256(content), size = content.Length, pointerSize = 134 };
            }
        }
        return sibling;
    }
}
