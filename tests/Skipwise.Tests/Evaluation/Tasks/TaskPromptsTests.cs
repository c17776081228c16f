using Skipwise.Evaluation.Tasks;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Order of questions and draws of examples, against numbers that CPython's random gave by the harnesses' rules.</summary>
public class TaskPromptsTests
{
    private static readonly TaskDocument[] s_none = [];

    private static IReadOnlyList<TaskPrompt> Prompts(TaskConfig card, int scored, int pool, HarnessVersion harness, int count = 2) =>
        TaskPrompts.Build(new(card, card.NumFewshot, Rows.Numbered(scored), Rows.Numbered(pool + scored)[scored..], TaskSplit.Train),
            new() { Harness = harness, Limit = count });

    [Fact]
    public void Arc_2023()
    {
        IReadOnlyList<TaskPrompt> prompts = Prompts(ArcChallenge.Card, 1172, 1119, HarnessVersion.V2023, 12);
        Assert.Equal([595, 716, 511, 906, 148, 368, 930, 121, 1031, 280, 381, 314], prompts.Select(prompt => prompt.Index));
        Assert.Equal(
            [888, 201, 205, 908, 340, 613, 59, 94, 664, 114, 600, 734, 767, 882, 298, 500, 1087, 843, 368, 348, 358, 161, 783, 493, 1019],
            prompts[0].FewshotIndices);
        Assert.Equal([293, 475, 944, 520, 941, 522, 19, 952], prompts[1].FewshotIndices.Take(8));
        Assert.StartsWith($"q{1172 + 888} a\n\nq{1172 + 201} a\n\n", prompts[0].FewshotContext, StringComparison.Ordinal);
        Assert.EndsWith($"q{1172 + 1019} a\n\n", prompts[0].FewshotContext, StringComparison.Ordinal);
    }

    [Fact]
    public void Arc_04()
    {
        IReadOnlyList<TaskPrompt> prompts = Prompts(ArcChallenge.Card, 1172, 1119, HarnessVersion.V04);
        Assert.Equal([0, 1], prompts.Select(prompt => prompt.Index));
        Assert.Equal(
            [902, 239, 15, 185, 71, 171, 201, 726, 484, 35, 63, 32, 708, 991, 949, 304, 186, 374, 234, 29, 1030, 996, 511, 132, 1108],
            prompts[0].FewshotIndices);
        Assert.Equal([954, 140, 182, 1054, 94, 552, 129, 619], prompts[1].FewshotIndices.Take(8));
    }

    [Fact]
    public void HellaSwag_2023()
    {
        IReadOnlyList<TaskPrompt> prompts = Prompts(HellaSwag.Card, 10042, 39905, HarnessVersion.V2023, 12);
        Assert.Equal([9792, 1027, 5366, 615, 5402, 477, 955, 6124, 509, 9823, 7153, 4765], prompts.Select(prompt => prompt.Index));
        Assert.Equal([3656, 36651, 3421, 19327, 24999, 26324, 6280, 26942, 15277, 39293], prompts[0].FewshotIndices);
    }

    [Fact]
    public void HellaSwag_04_draws_eleven_and_uses_ten()
    {
        IReadOnlyList<TaskPrompt> prompts = Prompts(HellaSwag.Card, 10042, 39905, HarnessVersion.V04);
        Assert.Equal([28883, 7657, 490, 5940, 38156, 2288, 5500, 6450, 23241, 15519], prompts[0].FewshotIndices);
        Assert.Equal([2019, 1038, 22681, 31735, 30379, 9735, 5982, 11999, 7498, 958], prompts[1].FewshotIndices);
    }

    [Theory]
    [InlineData(HarnessVersion.V2023), InlineData(HarnessVersion.V04)]
    public void A_question_is_never_its_own_example(HarnessVersion harness)
    {
        TaskDocument[] documents = Rows.Numbered(30);
        var data = new TaskData(HellaSwag.Card, 10, documents, documents, TaskSplit.Validation);
        foreach (TaskPrompt prompt in TaskPrompts.Build(data, new() { Harness = harness }))
        {
            Assert.Equal(10, prompt.FewshotIndices.Distinct().Count());
            Assert.DoesNotContain(prompt.Index, prompt.FewshotIndices);
        }
    }

    [Fact]
    public void Without_examples_nothing_is_drawn()
    {
        var data = new TaskData(BoolQ.Card, 0, Rows.Numbered(10), s_none, null);
        IReadOnlyList<TaskPrompt> prompts = TaskPrompts.Build(data, new() { Harness = HarnessVersion.V2023 });
        Assert.Equal([7, 3, 2, 8, 5, 6, 9, 4, 0, 1], prompts.Select(prompt => prompt.Index)); // Random(42).shuffle
        Assert.All(prompts, prompt => Assert.Equal("", prompt.FewshotContext));
    }

    [Theory]
    [InlineData(HarnessVersion.V2023, null, 10), InlineData(HarnessVersion.V2023, 3.0, 3), InlineData(HarnessVersion.V2023, 99.0, 10)]
    [InlineData(HarnessVersion.V2023, 0.25, 2), InlineData(HarnessVersion.V04, 0.25, 3), InlineData(HarnessVersion.V04, 2.0, 2),
        InlineData(HarnessVersion.V04, 1.0, 1)]
    public void A_limit_is_a_number_or_a_share(HarnessVersion harness, double? limit, int expected)
    {
        var data = new TaskData(BoolQ.Card, 0, Rows.Numbered(10), s_none, null);
        IReadOnlyList<TaskPrompt> all = TaskPrompts.Build(data, new() { Harness = harness });
        Assert.Equal(all.Take(expected).Select(prompt => prompt.Index),
            TaskPrompts.Build(data, new() { Harness = harness, Limit = limit }).Select(prompt => prompt.Index));
    }
}
