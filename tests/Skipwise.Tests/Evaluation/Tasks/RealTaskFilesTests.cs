using Skipwise.Evaluation.Tasks;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>
/// The public files themselves, which the project does not carry. SKIPWISE_TEST_DATA names a folder whose "benchmarks" holds
/// them; without it these tests are skipped.
/// </summary>
[Trait("Category", "RealData")]
public class RealTaskFilesTests
{
    private static TaskData Read(string task, HarnessVersion harness = HarnessVersion.V2023)
    {
        string? folder = Environment.GetEnvironmentVariable("SKIPWISE_TEST_DATA");
        Assert.SkipWhen(string.IsNullOrEmpty(folder), "SKIPWISE_TEST_DATA is not set: benchmark files are not part of the project");
        return TaskData.Read(TaskRegistry.Find([task])[0], new TaskFiles(Path.Combine(folder!, "benchmarks")), new() { Harness = harness });
    }

    [Theory]
    [InlineData("boolq", 3270, 2, 2), InlineData("piqa", 1838, 2, 2), InlineData("winogrande", 1267, 2, 2),
        InlineData("truthfulqa_mc1", 817, 2, 13), InlineData("truthfulqa_mc2", 817, 2, 30)]
    [InlineData("arc_challenge", 1172, 3, 5), InlineData("hellaswag", 1000, 4, 4), InlineData("lambada", 5153, 1, 1)]
    public void Every_row_is_a_question(string task, int questions, int fewest, int most)
    {
        foreach (HarnessVersion harness in Enum.GetValues<HarnessVersion>())
        {
            TaskData data = Read(task, harness);
            Assert.Equal(questions, data.Scored.Count);
            Assert.All(data.Scored, document =>
            {
                Assert.InRange(document.Choices.Count, fewest, most);
                Assert.NotEmpty(document.GoldChoices);
                Assert.All(document.Choices, choice => Assert.StartsWith(" ", choice.Continuation, StringComparison.Ordinal));
            });
        }
    }

    [Fact]
    public void Partial_scoring_puts_the_sentence_together_again()
    {
        Assert.All(Read("winogrande").Scored, document =>
        {
            Assert.Equal(document.Choices[0].Continuation, document.Choices[1].Continuation);
            Assert.NotEqual(document.Choices[0].Context, document.Choices[1].Context);
            Assert.DoesNotContain('_', document.FewshotText);
        });
    }

    [Fact]
    public void Arc_draws_its_examples_from_the_training_questions()
    {
        TaskData data = Read("arc_challenge");
        Assert.Equal((1119, TaskSplit.Train), (data.FewshotPool.Count, data.FewshotSplit));
        TaskPrompt first = TaskPrompts.Build(data, new() { Limit = 1 })[0];
        Assert.Equal((595, 888, 1019), (first.Index, first.FewshotIndices[0], first.FewshotIndices[^1]));
        Assert.Equal(25, first.FewshotContext.Split("\n\nQuestion: ").Length);
    }
}
