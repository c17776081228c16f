using System.Text;
using Skipwise.Storage;
using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tokenizers;

/// <summary>Normalizes a text before it is split and encoded.</summary>
/// <param name="text">the text between two added tokens, or all of it</param>
/// <param name="atStart">whether it starts where the whole text starts</param>
internal delegate string Normalizer(string text, bool atStart);

/// <summary>The normalizers of tokenizer.json.</summary>
internal static class Normalizers
{
    public const string Metaspace = "\u2581"; // ▁ represents a space in SentencePiece vocabularies

    /// <summary>NFC: composes characters with their accents.</summary>
    public static Normalizer Nfc { get; } = Form(NormalizationForm.FormC);

    public static Normalizer Read(LocatedJson? place)
    {
        if (place is not { } normalizer)
        {
            return (text, _) => text;
        }
        string type = normalizer.Get("type").Text;
        switch (type)
        {
            case "NFC": return Nfc;
            case "NFD": return Form(NormalizationForm.FormD);
            case "NFKC": return Form(NormalizationForm.FormKC);
            case "NFKD": return Form(NormalizationForm.FormKD);
            case "Lowercase": return (text, _) => text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
            case "Strip":
                bool left = normalizer.Flag("strip_left", true), right = normalizer.Flag("strip_right", true);
                return (text, _) => (left, right) switch
                {
                    (true, true) => text.Trim(),
                    (true, false) => text.TrimStart(),
                    (false, true) => text.TrimEnd(),
                    _ => text,
                };
            case "Prepend":
                string prefix = normalizer.Get("prepend").Text;
                return (text, _) => text.Length > 0 ? prefix + text : text;
            case "Replace":
                var pattern = CodePointRegex.Read(normalizer.Get("pattern"));
                string content = normalizer.Get("content").Text;
                return (text, _) => pattern.Replace(text, content);
            case "Sequence":
                Normalizer[] steps = [.. normalizer.Get("normalizers").Items().Select(item => Read(item))];
                return (text, atStart) => steps.Aggregate(text, (t, step) => step(t, atStart));
            default:
                throw normalizer.Error($"is a normalizer of type \"{type}\", which Skipwise does not know");
        }
    }

    private const char NoCharacter = '\uFFFE'; // .NET treats it as invalid text, so it is left unchanged

    /// <summary>Whether .NET can normalize. Without ICU it silently returns the text unchanged: e + accent would stay two characters and
    /// get other ids.</summary>
    private static readonly bool s_canNormalize = "e\u0301".Normalize(NormalizationForm.FormC).Length == 1;

    private static Normalizer Form(NormalizationForm form) => (text, _) =>
        Ascii.IsValid(text) ? text
        : !s_canNormalize ? throw new SkipwiseException(
            "this tokenizer normalizes Unicode text, and .NET runs here without ICU; install libicu and leave " +
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT unset")
        : string.Join(NoCharacter, text.Split(NoCharacter).Select(part => part.Normalize(form)));
}
