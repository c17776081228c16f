using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>Where the hub and its cache are, and who asks: what Hugging Face's own programs read from the environment.</summary>
internal sealed record HubSettings
{
    /// <summary>the hub, or a mirror of it</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>folder of the hub's cache, which Python's programs share</summary>
    public required string Cache { get; init; }

    /// <summary>the user's access token; null for none</summary>
    public string? Token { get; init; }

    /// <summary>where the token is from: a variable or a file</summary>
    public string? TokenSource { get; init; }

    /// <summary>nothing is asked of the network</summary>
    public bool IsOffline { get; init; }

    /// <summary>longest silence of a server before a connection counts as cut</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>lets time pass between two tries</summary>
    public Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;

    /// <summary>The settings of this process.</summary>
    /// <param name="read">the value of a variable; null: that of the process</param>
    /// <exception cref="SkipwiseException">HF_ENDPOINT is no address, or a token cannot be read</exception>
    public static HubSettings FromEnvironment(Func<string, string?>? read = null)
    {
        string? Value(string name) => (read ?? Environment.GetEnvironmentVariable)(name) is { } value && value.Trim().Length > 0
            ? value.Trim() : null;
        string? Folder(string name) => Value(name) is { } path ? Expanded(path) : null;
        string home = Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Expanded("~/.cache"), "huggingface");
        string endpoint = Value("HF_ENDPOINT") ?? "https://huggingface.co";
        (string? token, string? source) = FindToken(Value, Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token"));
        return new()
        {
            Endpoint = Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
                ? address : throw new SkipwiseException($"HF_ENDPOINT: {endpoint} is no address. Write it as https://huggingface.co"),
            Cache = CacheFolder(Folder, home),
            Token = token,
            TokenSource = source,
            IsOffline = IsTrue(Value("HF_HUB_OFFLINE")) || IsTrue(Value("TRANSFORMERS_OFFLINE")),
        };
    }

    /// <summary>The cache's folder alone, for which neither endpoint nor token has to be right.</summary>
    public static string CacheOfThisProcess()
    {
        static string? Folder(string name) => Environment.GetEnvironmentVariable(name) is { } path && path.Trim().Length > 0
            ? Expanded(path.Trim()) : null;
        return CacheFolder(Folder, Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Expanded("~/.cache"), "huggingface"));
    }

    private static string CacheFolder(Func<string, string?> folder, string home) =>
        folder("HF_HUB_CACHE") ?? folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub");

    private static (string? Token, string? Source) FindToken(Func<string, string?> value, string file)
    {
        foreach (string name in (string[])["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
        {
            if (value(name) is { } token)
            {
                return (Checked(token, name), name);
            }
        }
        string stored = File.Exists(file) ? InputFile.ReadText(file).Trim() : "";
        return stored.Length > 0 ? (Checked(stored, file), file) : (null, null);
    }

    /// <summary>A token becomes part of a header, in which a line break would begin another one.</summary>
    private static string Checked(string token, string source) => token.All(letter => letter is > ' ' and < (char)127)
        ? token
        : throw new SkipwiseException($"{source}: holds no access token: a character in it that no token has. Copy the token once more");

    private static bool IsTrue(string? value) => value?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static string Expanded(string path)
    {
        string whole = Environment.ExpandEnvironmentVariables(path);
        return whole == "~" || whole.StartsWith("~/", StringComparison.Ordinal)
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), whole[1..].TrimStart('/'))
            : whole;
    }
}
