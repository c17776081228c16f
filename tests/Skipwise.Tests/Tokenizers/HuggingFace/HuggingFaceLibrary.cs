#if HUGGING_FACE
extern alias HuggingFaces;

using System.Diagnostics;
using System.Text.Json;

namespace Skipwise.Tests.Tokenizers.HuggingFace;

/// <summary>
/// Hugging Face's tokenizers library, as an oracle. It runs in a process of its own, this assembly started again, because a panic of
/// its Rust code ends the process.
/// </summary>
internal static class HuggingFaceLibrary
{
    private const string Asked = "SKIPWISE_TEST_HUGGING_FACE"; // the file with the questions

    /// <summary>What it makes of a text, or why it does not load the file. Its ids have special tokens, its text has none.</summary>
    internal sealed record Answer(int[] Ids, string Decoded, string? Error);

    internal sealed record Question(string Path, string[] Texts);

    /// <summary>An answer for each text of each question; none for the texts of a file that it cannot load without a panic.</summary>
    public static List<List<Answer>> Ask(IReadOnlyList<Question> questions)
    {
        using var folder = new TempFolder();
        var answers = new List<List<Answer>>();
        while (answers.Count < questions.Count)
        {
            string path = folder.Write("questions.json", JsonSerializer.Serialize(questions.Skip(answers.Count)));
            var start = new ProcessStartInfo(Environment.ProcessPath!) { Environment = { [Asked] = path } };
            var (_, output, error) = ChildProcess.Run(start);
            string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            answers.AddRange(lines.Select(line => JsonSerializer.Deserialize<List<Answer>>(line)!));
            Assert.True(answers.Count == questions.Count || error.Contains("panicked", StringComparison.Ordinal), error + output);
            if (answers.Count < questions.Count)
            {
                answers.Add([]);
            }
        }
        return answers;
    }

    /// <summary>In the process that is asked: answers and ends.</summary>
    public static void ServeIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Asked) is not { } path)
        {
            return;
        }
        using var output = new StreamWriter(Console.OpenStandardOutput());
        foreach (var question in JsonSerializer.Deserialize<List<Question>>(File.ReadAllText(path))!)
        {
            output.WriteLine(JsonSerializer.Serialize(Try(question)));
            output.Flush();
        }
        Environment.Exit(0);
    }

    private static List<Answer> Try(Question question)
    {
        try
        {
            var tokenizer = new HuggingFaces::Tokenizers.DotNet.Tokenizer(vocabPath: question.Path);
            return [.. question.Texts.Select(text =>
            {
                uint[] ids = tokenizer.Encode(text);
                return new Answer([.. ids.Select(id => (int)id)], tokenizer.Decode(ids), null);
            })];
        }
        catch (Exception e)
        {
            return [.. question.Texts.Select(_ => new Answer([], "", e.Message))];
        }
    }
}
#endif
