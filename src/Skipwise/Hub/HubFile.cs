namespace Skipwise.Hub;

/// <summary>A file of a repository on the hub.</summary>
/// <param name="Name">its path in the repository, as the server says it: to be used as a name of a file only after
/// <see cref="IsPlainName"/></param>
/// <param name="Size">in bytes; null if the server does not say it</param>
/// <param name="Hash">what identifies its content, and names it in the hub's cache, in small hexadecimal digits: SHA-256 of the content of
/// a large file, git's SHA-1 of a small one; null if the server does not say it</param>
internal sealed record HubFile(string Name, long? Size, string? Hash)
{
    /// <summary>digits of a git hash and of a SHA-256</summary>
    public const int GitDigits = 40, Sha256Digits = 64;

    /// <summary>Whether size and hash are known, without which no download can be checked.</summary>
    public bool IsDescribed => Size is not null && Hash is not null;

    /// <summary>Whether a text is a hash of one of the two kinds. A hash becomes the name of a file.</summary>
    public static bool IsHash(string text) => text.Length is GitDigits or Sha256Digits && text.All(char.IsAsciiHexDigitLower);

    /// <summary>
    /// Whether a name that a server sent is that of a file in a folder: no path, nothing that a system reads in another way (a drive, a
    /// stream, a control character), no hidden file.
    /// </summary>
    public static bool IsPlainName(string name) =>
        name.Length is > 0 and <= 200 && name[0] != '.' && !name.EndsWith('.') && name.All(IsPlain);

    private static bool IsPlain(char letter) => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-' or '+' or ' ';
}
