using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Needles;

/// <summary>Needles from a JSON lines file: {"needle": ..., "question": ..., "answer": ..., "lead": ...}; without a question the needle is
/// hidden but not asked for.</summary>
internal static class NeedleFile
{
    private static readonly JsonSerializerOptions s_json = new() { AllowDuplicateProperties = false };
    private static readonly string[] s_members = ["needle", "question", "answer", "lead"];

    /// <summary>Reads the needles, in the order of the file.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, or a line is no needle; names the line</exception>
    public static IReadOnlyList<Needle> Read(string path)
    {
        string[] lines = InputFile.ReadText(path).Split('\n');
        var needles = new List<Needle>();
        for (int i = 0; i < lines.Length; i++)
        {
            if (!string.IsNullOrWhiteSpace(lines[i]))
            {
                needles.Add(Parse(lines[i], $"{path}, line {i + 1}"));
            }
        }
        return needles.Count > 0
            ? needles
            : throw new SkipwiseException(
                $"{path}: holds no needle; give one JSON object per line, such as {{\"needle\": \"...\", \"question\": \"...\", " +
                $"\"answer\": \"...\"}}");
    }

    private static Needle Parse(string line, string place)
    {
        Dictionary<string, string?> members;
        try
        {
            members = JsonText.Deserialize<Dictionary<string, string?>>(line, s_json);
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{place}: expected one JSON object of texts: {e.Message}", e);
        }
        if (members.Keys.FirstOrDefault(name => !s_members.Contains(name)) is { } unknown)
        {
            throw new SkipwiseException($"{place}: \"{unknown}\" is not known; a needle has {string.Join(", ", s_members)}");
        }
        string text = members.GetValueOrDefault("needle") ?? throw new SkipwiseException($"{place}: has no \"needle\"");
        string? question = members.GetValueOrDefault("question"), answer = members.GetValueOrDefault("answer");
        if (question is null != (answer is null))
        {
            throw new SkipwiseException(
                $"{place}: has a \"{(question is null ? "answer" : "question")}\" without " +
                $"{(question is null ? "a \"question\"" : "an \"answer\"")}; give both, or neither to hide the needle without asking");
        }
        return new Needle { Text = text, Question = question, Answer = answer, AnswerPrefix = members.GetValueOrDefault("lead") ?? "" };
    }
}
