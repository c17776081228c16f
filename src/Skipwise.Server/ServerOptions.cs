using System.Net;

namespace Skipwise.Server;

/// <summary>Where an <see cref="InferenceServer"/> listens, and what it grants a client.</summary>
public sealed record ServerOptions
{
    /// <summary>address to listen at; the default takes connections of this machine alone</summary>
    public IPAddress Host { get; init; } = IPAddress.Loopback;
    /// <summary>TCP port; 0: a free one</summary>
    public int Port { get; init; } = 8000;
    /// <summary>what clients have to send as "Authorization: Bearer ..."; null: nothing</summary>
    public string? ApiKey { get; init; }
    /// <summary>largest body of a request, in bytes; larger ones get 413</summary>
    public long MaxBodyBytes { get; init; } = 8L << 20;
    /// <summary>largest number of tokens to generate per text; null: the window is the limit</summary>
    public int? MaxTokens { get; init; }
    /// <summary>texts of one request: prompts times n</summary>
    public int MaxTextsPerRequest { get; init; } = 128;
    /// <summary>longest time of a request</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromHours(1);
    /// <summary>time within which a client has to send its headers</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);
    /// <summary>time for requests in progress when the server stops</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(20);
    /// <summary>connections at the same time; further ones are closed</summary>
    public int MaxConnections { get; init; } = 1024;
}
