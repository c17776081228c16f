using System.Text.RegularExpressions;
using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>Where the hub and its cache are, and who asks: what Hugging Face's own programs read from the environment.</summary>
internal sealed partial record HubSettings
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
        read ??= Environment.GetEnvironmentVariable;
        string? Value(string name) => ValueOf(read, name);
        string endpoint = Value("HF_ENDPOINT") ?? "https://huggingface.co";
        (string? token, string? source) = FindToken(Value, FolderOf(read, "HF_TOKEN_PATH") ?? Path.Combine(HomeOf(read), "token"));
        return new()
        {
            Endpoint = Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
                ? address : throw new SkipwiseException($"HF_ENDPOINT: {endpoint} is no address. Write it as https://huggingface.co"),
            Cache = CacheOf(read),
            Token = token,
            TokenSource = source,
            IsOffline = IsTrue(Value("HF_HUB_OFFLINE")) || IsTrue(Value("TRANSFORMERS_OFFLINE")),
        };
    }

    /// <summary>The cache's folder alone, for which neither endpoint nor token has to be right.</summary>
    public static string CacheOfThisProcess() => CacheOf(Environment.GetEnvironmentVariable);

    private static string CacheOf(Func<string, string?> read) =>
        FolderOf(read, "HF_HUB_CACHE") ?? FolderOf(read, "HUGGINGFACE_HUB_CACHE") ?? Path.Combine(HomeOf(read), "hub");

    private static string HomeOf(Func<string, string?> read) => FolderOf(read, "HF_HOME")
        ?? Path.Combine(FolderOf(read, "XDG_CACHE_HOME") ?? Expanded("~/.cache", read), "huggingface");

    private static string? FolderOf(Func<string, string?> read, string name) =>
        ValueOf(read, name) is { } path ? Expanded(path, read) : null;

    private static string? ValueOf(Func<string, string?> read, string name) =>
        read(name)?.Trim() is { Length: > 0 } value ? value : null;

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

    /// <summary>A path with its variables, as Python's <c>expandvars</c> reads them, and with the user's folder.</summary>
    private static string Expanded(string path, Func<string, string?> read)
    {
        string whole = Variable().Replace(OperatingSystem.IsWindows() ? Environment.ExpandEnvironmentVariables(path) : path,
            match => read(match.Groups["name"].Value) ?? match.Value);
        return whole == "~" || whole.StartsWith("~/", StringComparison.Ordinal)
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), whole[1..].TrimStart('/'))
            : whole;
    }

    [GeneratedRegex(@"\$(?<name>\w+)|\$\{(?<name>[^}]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}
