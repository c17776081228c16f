using System.Text.Json;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;

namespace Skipwise.Tests.Cli;

/// <summary>The retrieval tests from the command line: tables, JSON, trials that continue, and what a user may get wrong.</summary>
public class RetrievalTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Fact]
    public async Task A_passkey_grid()
    {
        string json = model.Path("grid.json");
        CliRun run =
            (await CliRun.Of("eval", "passkey", "--model", model.Folder, "--lengths", "128,192", "--depths", "3", "--trials", "2",
                "--variant", "landmark", "--json", json)).Succeeded();
        Assert.Matches(@"length +0\.00 +0\.50 +1\.00", run.Output);
        Assert.Matches(@"192 +\d/2 +\d/2 +\d/2", run.Output);
        Assert.Equal(2 * (1 + 3), EvaluationJson.Read(json).Count);
        Assert.Equal("landmark", (string)EvaluationJson.Read(json)[0].Settings!["variant"]!);
    }

    [Fact]
    public async Task Needles_in_the_user_s_own_text()
    {
        string json = model.Path("needle.json"), trials = model.Path("needle.jsonl");
        string[] line =
            ["eval", "needle", "--model", model.Folder, "--haystack", model.Text, "--lengths", "300", "--depths", "3", "--trials", "2",
                "--num-distractors", "1",
            "--needle", "\\nThe code of the safe is {n}.\\n", "--question", "What is the code of the safe?", "--answer", "{n}", "--json",
            json, "--save-trials", trials];
        CliRun run = (await CliRun.Of(line)).Succeeded();
        Assert.Matches(@"300 +\d/6 +0\.\d\d", run.Output);
        Assert.Matches("needle at 300 tokens  100 %", run.Error);
        Assert.Equal(["accuracy", "answer_log_prob", "accuracy_at_depth", "accuracy_at_depth", "accuracy_at_depth"],
            EvaluationJson.Read(json).Select(record => record.Metric));
        string[] lines = await File.ReadAllLinesAsync(trials);
        Assert.Equal(6, lines.Length);
        string prompt = JsonDocument.Parse(lines[0]).RootElement.GetProperty("prompt").GetString()!,
            answer = JsonDocument.Parse(lines[0]).RootElement.GetProperty("answer").GetString()!;
        Assert.Contains($"\nThe code of the safe is {answer}.\n", prompt);
        Assert.Contains("The special magic New York number is", prompt);
        Assert.EndsWith("Question: What is the code of the safe? Answer:", prompt);

        IReadOnlyList<EvaluationRecord> first = EvaluationJson.Read(json);
        await File.WriteAllLinesAsync(trials, lines[..4]); // as if it had been interrupted
        (await CliRun.Of(line)).Succeeded();
        // The last two were asked without the others beside them: the same but for the last bits.
        string[] again = await File.ReadAllLinesAsync(trials);
        Assert.Equal(lines[..4], again[..4]);
        static NeedleTrial Trial(string line) => EvaluationJson.Parse<NeedleTrial>(line)!;
        foreach ((NeedleTrial whole, NeedleTrial continued) in lines.Select(Trial).Zip(again.Select(Trial)))
        {
            Assert.Equal((whole.Prompt, whole.CacheKey), (continued.Prompt, continued.CacheKey));
            Assert.Equal(whole.IsBest, continued.IsBest);
            Assert.All(whole.LogProbs.Zip(continued.LogProbs), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
        Assert.All(first.Zip(EvaluationJson.Read(json)), pair => Assert.Equal(pair.First.Value, pair.Second.Value, 1e-4));
    }

    [Fact]
    public async Task Ruler_with_files_for_some_tasks()
    {
        string json = model.Path("ruler.json"), trials = model.Path("ruler.jsonl"), squad = model.Path("squad.json");
        await File.WriteAllTextAsync(squad,
            """{"data": [{"paragraphs": [{"context": "The lamp is red.", "qas": [{"question": "What is red?", "answers": [{"text": "lamp"}]}]}, {"context": "The rope is long.", "qas": []}]}]}""");
        string[] line =
            ["eval", "ruler", "--model", model.Folder, "--lengths", "1500", "--samples", "2", "--squad", squad, "--json", json,
                "--save-trials", trials];
        CliRun run = (await CliRun.Of(line)).Succeeded();
        Assert.Matches(@"niah_multikey_3 +\d", run.Output);
        Assert.Matches(@"qa_1 +\d", run.Output);
        Assert.DoesNotContain("qa_2 ", run.Output);
        Assert.Contains("qa_2 is left out", run.Error);
        Assert.Contains("Skipwise's own prose", run.Error);
        Assert.Contains("effective length: none of these, no average is above 85.6 (over 12 of RULER's 13 tasks)", run.Output);
        Assert.Equal(12 + 2, EvaluationJson.Read(json).Count);
        string[] lines = await File.ReadAllLinesAsync(trials);
        Assert.Equal(11 * 2 + 1, lines.Length); // one question alone has an answer

        CliRun again = (await CliRun.Of([.. line[..^4], "--batch-size", "1", "--json", json])).Succeeded();
        Assert.Equal(run.Output, again.Output);
    }

    [Fact]
    public async Task What_does_not_fit_together_is_named()
    {
        string[] needle = ["eval", "needle", "--model", model.Folder, "--lengths", "300"],
            ruler = ["eval", "ruler", "--model", model.Folder, "--lengths", "600"];
        (await CliRun.Of([.. needle, "--needle", "A sentence."]))
            .Complained("1 --needle, 0 --question", "one question and answer per needle");
        (await CliRun.Of([.. needle, "--num-distractors", "7"])).Complained("--num-distractors 7", "--distractor");
        (await CliRun.Of([.. needle, "--haystack", model.Path("nowhere")])).Complained("nowhere", "no such file");
        (await CliRun.Of([.. needle[..4], "--lengths", "40"])).Complained("length 40 is too short");
        (await CliRun.Of([.. ruler, "--tasks", "niah_single_4"])).Complained("no task \"niah_single_4\"", "niah_single_3");
        (await CliRun.Of([.. ruler, "--tasks", "qa_1"])).Complained("qa_1", "--squad");
        (await CliRun.Of([.. ruler, "--tasks", "qa_1", "--squad", model.Text])).Complained("text.jsonl", "broken JSON");
        (await CliRun.Of([.. ruler, "--tasks", "cwe"])).Complained("600 is too short for cwe", "at least");
        (await CliRun.Of([.. ruler, "--tasks", "niah_single_1", "--save-trials", model.Text]))
            .Complained("text.jsonl", "not a trial", "name another one");
        Assert.Equal(6, (await File.ReadAllLinesAsync(model.Text)).Length);
    }
}
