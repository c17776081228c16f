using Skipwise.Storage;

namespace Skipwise.Tokenizers;

/// <summary>A token that is recognised in the text before the text is encoded, such as &lt;|endoftext|&gt;.</summary>
/// <param name="Id">the id that it becomes</param>
/// <param name="Content">the text that it is written as</param>
/// <param name="Special">left out when ids are turned back into text</param>
/// <param name="SingleWord">counts only where no letter or digit touches it</param>
/// <param name="LeftStrip">swallows the white space before it</param>
/// <param name="RightStrip">swallows the white space after it</param>
/// <param name="NormalizedForm">what to look for in the normalized text; null: the content is looked for before the normalizer
/// works</param>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false,
    string? NormalizedForm = null)
{
    /// <summary>A token that does not say so is looked for in the normalized text unless it is special: as in transformers.</summary>
    public static AddedToken Read(LocatedJson place, int id, Normalizer? normalizer = null)
    {
        bool special = place.Flag("special", false);
        return new(
            id,
            place.Get("content").Text,
            special,
            place.Flag("single_word", false),
            place.Flag("lstrip", false),
            place.Flag("rstrip", false),
            place.Flag("normalized", !special) ? normalizer?.Invoke(place.Get("content").Text, true) : null);
    }
}
