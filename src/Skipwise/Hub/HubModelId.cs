using System.Text.RegularExpressions;

namespace Skipwise.Hub;

/// <summary>The name of a model on the Hugging Face hub, as users write it: <c>ORG/NAME</c>, or <c>ORG/NAME@REVISION</c>.</summary>
/// <param name="Organization">user or organization</param>
/// <param name="Name">name of the repository</param>
/// <param name="Revision">branch, tag or commit</param>
internal sealed partial record HubModelId(string Organization, string Name, string Revision)
{
    /// <summary>the branch that is meant if none is named</summary>
    public const string DefaultRevision = "main";

    private const int LongestName = 96;

    /// <summary>ORG/NAME, without the revision.</summary>
    public string Repository => $"{Organization}/{Name}";

    /// <summary>Whether the revision is a commit, which never changes its content.</summary>
    public bool IsCommit => IsCommitHash(Revision);

    /// <summary>Parses a name.</summary>
    /// <returns>null if the text is none, such as an absolute path, or one with more or fewer parts</returns>
    public static HubModelId? TryParse(string text)
    {
        // The parts become names of folders, so nothing that leads to another folder passes here.
        if (Form().Match(text) is not { Success: true } parts || text.Contains("..", StringComparison.Ordinal)
            || parts.Groups[1].Length + parts.Groups[2].Length > LongestName
            || $"{parts.Groups[1]}/{parts.Groups[2]}".Contains("--", StringComparison.Ordinal))
        {
            return null;
        }
        string revision = parts.Groups[3].Success ? parts.Groups[3].Value : DefaultRevision;
        return new(parts.Groups[1].Value, parts.Groups[2].Value, revision);
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="SkipwiseException">the text is no such name</exception>
    public static HubModelId Parse(string text) => TryParse(text)
        ?? throw new SkipwiseException(
            $"{text}: is no name of a model on the hub. Write ORG/NAME, or ORG/NAME@REVISION with a branch, tag or commit");

    /// <summary>Whether the text is a commit's hash: 40 hexadecimal digits.</summary>
    public static bool IsCommitHash(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>The name as users write it.</summary>
    public override string ToString() => Revision == DefaultRevision ? Repository : $"{Repository}@{Revision}";

    [GeneratedRegex(@"\A([A-Za-z0-9][A-Za-z0-9_.-]*)/([A-Za-z0-9_][A-Za-z0-9_.-]*)" +
        @"(?:@([A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*))?\z")]
    private static partial Regex Form();
}
