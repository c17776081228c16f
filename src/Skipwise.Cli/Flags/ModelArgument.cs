using System.Globalization;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Cli.Flags;

/// <summary>A model in one word, for a verb that takes several: its folder, then what the other verbs' options of these names say, behind
/// commas.</summary>
internal static class ModelArgument
{
    private const string Rope = "rope", Factor = "rope-factor", OriginalLength = "rope-original-length", Theta = "rope-theta",
        Adapter = "adapter";

    /// <exception cref="SkipwiseException">a word that is none of these, or no number where one is needed</exception>
    public static ModelSource Parse(string text)
    {
        string[] parts = Path.Exists(text) ? [text] : text.Split(',');
        var rope = new RopeOverrides();
        string? adapter = null;
        if (parts[0].Length == 0)
        {
            throw Wrong(text, "it names no folder");
        }
        foreach (string part in parts.Skip(1))
        {
            string[] pair = part.Split('=', 2);
            (string name, string value) =
                (pair[0].Trim(), pair.Length > 1 ? pair[1].Trim() : throw Wrong(text, $"'{part}' is no name=value"));
            T Number<T>() where T : IParsable<T> =>
                T.TryParse(value, CultureInfo.InvariantCulture, out T? number)
                && double.IsFinite(Convert.ToDouble(number, CultureInfo.InvariantCulture)) ? number
                : throw Wrong(text, $"{name} needs a number, not '{value}'");
            rope = name switch
            {
                Rope => rope with { Type = RopeTypeNames.Parse(value) },
                Factor => rope with { Factor = Number<double>() },
                OriginalLength => rope with { OriginalLength = Number<int>() },
                Theta => rope with { Theta = Number<double>() },
                Adapter => value.Length > 0 ? rope : throw Wrong(text, $"{name} names no folder"),
                _ => throw Wrong(text,
                    $"'{name}' is unknown; known are " +
                    $"{string.Join(", ", Rope, Factor, OriginalLength, Theta, Adapter)}" +
                    $"{Suggestion.DidYouMean(name, [Rope, Factor, OriginalLength, Theta, Adapter])}"),
            };
            adapter = name == Adapter ? value : adapter;
        }
        return new(parts[0], rope, Adapter: adapter);
    }

    private static SkipwiseException Wrong(string text, string why) =>
        new($"--model {text}: {why}. Write it as folder,rope=yarn,rope-factor=8");
}
