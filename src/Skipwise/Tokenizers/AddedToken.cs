using Skipwise.Storage;

namespace Skipwise.Tokenizers;

/// <summary>A token that is recognized in the text before encoding, such as &lt;|endoftext|&gt;.</summary>
/// <param name="Id">its id</param>
/// <param name="Content">its text</param>
/// <param name="Special">omitted when ids are decoded</param>
/// <param name="SingleWord">matches only if no letter or digit is adjacent</param>
/// <param name="LeftStrip">matches include the white space before it</param>
/// <param name="RightStrip">matches include the white space after it</param>
/// <param name="NormalizedForm">the text to match after normalization; null: the content is matched before normalization</param>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false,
    string? NormalizedForm = null)
{
    /// <summary>Reads a token. By default it is matched in the normalized text unless it is special, as in transformers.</summary>
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
