using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text;

namespace Skipwise.Hub;

/// <summary>
/// Asks the hub: one request at a time per caller, safe for several. Redirects are followed here, because the user's token must not go
/// where they lead: the hub keeps large files at other hosts, behind addresses that are signed.
/// </summary>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 8, LargestAnswer = 64 << 20;
    private readonly HubSettings _settings;
    private readonly HttpClient _http;

    public HubClient(HubSettings settings)
    {
        _settings = settings;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = settings.Patience,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10), // a long download shall notice that a name has moved
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("skipwise", "0"));
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The files of a revision.</summary>
    /// <exception cref="HubTransientException">try again</exception>
    /// <exception cref="SkipwiseException">no such model or revision, no access, or an answer of another form</exception>
    public async Task<HubListing> List(HubModelId id, CancellationToken stop)
    {
        Uri address = Address($"api/models/{id.Repository}/revision/{Uri.EscapeDataString(id.Revision)}?blobs=true");
        using HttpResponseMessage answer = await Send(id, HttpMethod.Get, address, 0, leavesHub: true, stop);
        using var text = new MemoryStream();
        await Read(answer, LargestAnswer, block => text.Write(block.Span), stop);
        return HubListing.Parse(address.ToString(), Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length)));
    }

    /// <summary>A file with its size and hash, from the headers of its address: a mirror's list may lack them.</summary>
    /// <inheritdoc cref="List" path="/exception"/>
    public async Task<HubFile> Describe(HubModelId id, string commit, HubFile file, CancellationToken stop)
    {
        using HttpResponseMessage answer = await Send(id, HttpMethod.Head, AddressOf(id, commit, file), 0, leavesHub: false, stop);
        string? Header(string name) => answer.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;
        string? etag = Header("X-Linked-Etag") ?? answer.Headers.ETag?.Tag;
        string? hash = etag?.Split('/')[^1].Trim('"');
        long? size = long.TryParse(Header("X-Linked-Size"), out long linked) ? linked
            : answer.IsSuccessStatusCode ? answer.Content.Headers.ContentLength : null; // not that of a redirecting page
        return hash is not null && HubFile.IsHash(hash) && size >= 0
            ? file with { Size = file.Size ?? size, Hash = file.Hash ?? hash }
            : throw new SkipwiseException(
                $"{id}: {_settings.Endpoint} tells neither list nor headers with size and hash of {file.Name}, without which it cannot " +
                "be checked. Use the hub itself, or another mirror");
    }

    /// <summary>Reads a file's bytes from a position on.</summary>
    /// <param name="restart">called if the server sends the file from its beginning instead</param>
    /// <param name="take">called with each block, in order</param>
    /// <exception cref="HubTransientException">the connection was cut, or try again later; what was taken stays valid</exception>
    /// <exception cref="SkipwiseException">no access, or an answer that is not of this file</exception>
    public async Task Download(HubModelId id, string commit, HubFile file, long from, Action restart, Action<ReadOnlyMemory<byte>> take,
        CancellationToken stop)
    {
        using HttpResponseMessage answer = await Send(id, HttpMethod.Get, AddressOf(id, commit, file), from, leavesHub: true, stop);
        long size = file.Size!.Value;
        ContentRangeHeaderValue? range = answer.Content.Headers.ContentRange;
        bool continues = answer.StatusCode == System.Net.HttpStatusCode.PartialContent;
        if (continues && (range?.From != from || (range.HasLength && range.Length != size)))
        {
            throw new SkipwiseException($"{file.Name}: asked for bytes from {from} on of {size}, the server sends {range}. " +
                "A proxy may be at fault: try again, or another network");
        }
        long left = size - (continues ? from : 0);
        if (answer.Content.Headers.ContentLength is { } length && length != left)
        {
            // a page of a proxy, for example: nothing that was downloaded is given up for it
            throw new HubTransientException(
                $"{answer.RequestMessage!.RequestUri!.Authority} sends {length} bytes in place of {left} of {file.Name}");
        }
        if (from > 0 && !continues)
        {
            restart();
        }
        await Read(answer, left, take, stop);
    }

    /// <summary>Sends a request and follows redirects.</summary>
    /// <param name="leavesHub">false: a redirect to another host is the answer</param>
    private async Task<HttpResponseMessage> Send(HubModelId id, HttpMethod method, Uri address, long from, bool leavesHub,
        CancellationToken stop)
    {
        if (_settings.IsOffline)
        {
            throw new SkipwiseException($"{id}: the cache lacks a part of it, and HF_HUB_OFFLINE forbids to ask the hub. Unset it");
        }
        for (int redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(method, address);
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity")); // positions are those of the file
            request.Headers.Range = from > 0 ? new RangeHeaderValue(from, null) : null;
            bool sendsToken = _settings.Token is not null && MayHaveToken(_settings.Endpoint, address);
            request.Headers.Authorization = sendsToken ? new AuthenticationHeaderValue("Bearer", _settings.Token) : null;
            HttpResponseMessage answer = await Patiently(address,
                limit => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit), stop);
            bool isRedirect = (int)answer.StatusCode is 301 or 302 or 303 or 307 or 308 && answer.Headers.Location is not null;
            if (answer.IsSuccessStatusCode)
            {
                return answer;
            }
            Uri? next = isRedirect ? new Uri(address, answer.Headers.Location!) : null;
            if (next is not null && !leavesHub && !IsSameHost(_settings.Endpoint, next))
            {
                return answer;
            }
            using (answer)
            {
                address = next is null ? throw HubRefusal.Of(id, answer, _settings, sendsToken)
                    : next.Scheme == "https" || (next.Scheme == "http" && address.Scheme == "http") ? next
                    : throw new SkipwiseException($"{id}: {address.Authority} leads to {next.Scheme}://{next.Authority}, which is not " +
                        "safe. A proxy may be at fault: try another network");
            }
        }
        throw new SkipwiseException($"{id}: {address.Authority} leads from one address to the next without end. Is the endpoint a hub?");
    }

    /// <summary>Passes on the bytes of an answer, which may have at most that many.</summary>
    private async Task Read(HttpResponseMessage answer, long most, Action<ReadOnlyMemory<byte>> take, CancellationToken stop)
    {
        Uri address = answer.RequestMessage!.RequestUri!;
        byte[] block = new byte[1 << 20];
        using Stream body = await Patiently(address, answer.Content.ReadAsStreamAsync, stop);
        for (long left = most; ;)
        {
            int count = await Patiently(address, limit => body.ReadAsync(block, limit).AsTask(), stop);
            if (count == 0)
            {
                return;
            }
            left -= count;
            if (left < 0)
            {
                throw new SkipwiseException($"{address.GetLeftPart(UriPartial.Path)}: sends more than the {most} bytes that it should. " +
                    "A proxy may be at fault: try again, or another network");
            }
            take(block.AsMemory(0, count));
        }
    }

    /// <summary>One wait for the network: its failures, and a silence that is too long, may pass.</summary>
    private async Task<T> Patiently<T>(Uri address, Func<CancellationToken, Task<T>> wait, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_settings.Patience);
        try
        {
            return await wait(limit.Token);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError
            && e.InnerException is AuthenticationException) // and no connection that broke during the handshake
        {
            throw new SkipwiseException($"{address.Authority}: no secure connection: {(e.InnerException ?? e).Message.TrimEnd('.')}. " +
                "Check the machine's clock and certificates, and a proxy in between", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new HubTransientException($"{address.Authority}: {(e.InnerException ?? e).Message.TrimEnd('.')}", e);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new HubTransientException($"{address.Authority} has been silent for {(int)_settings.Patience.TotalSeconds} s", e);
        }
    }

    private Uri AddressOf(HubModelId id, string commit, HubFile file) =>
        Address($"{id.Repository}/resolve/{commit}/{string.Join('/', file.Name.Split('/').Select(Uri.EscapeDataString))}");

    private Uri Address(string path) => new(_settings.Endpoint, path);

    /// <summary>Only the hub itself gets the token, and only where nobody on the way can read it.</summary>
    internal static bool MayHaveToken(Uri endpoint, Uri address) =>
        IsSameHost(endpoint, address) && (address.Scheme == "https" || address.IsLoopback);

    private static bool IsSameHost(Uri one, Uri other) => one.Scheme == other.Scheme && one.Authority == other.Authority;
}
