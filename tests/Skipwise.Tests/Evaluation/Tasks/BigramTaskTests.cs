using Skipwise.Evaluation.Tasks;
using Skipwise.Models;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Tasks from files to numbers on a model whose every probability is written down here, so that every number is computed by
/// hand.</summary>
public sealed class BigramTaskTests : IDisposable
{
    private static readonly ListTokenizer s_words = new("yes", "no", "red", "blue", "dark", ":", "?", "the", "fox", ".");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>After most words every word is as likely as another; the exceptions are given, the rest of their rows shared
    /// evenly.</summary>
    private static CausalLM Model(params (string Token, string Next, double Probability)[] given)
    {
        int n = s_words.VocabularySize;
        var table = new double[n, n];
        for (int token = 0; token < n; token++)
        {
            var row = given.Where(entry => s_words.Id(entry.Token) == token)
                .ToDictionary(entry => s_words.Id(entry.Next), entry => entry.Probability);
            for (int next = 0; next < n; next++)
            {
                table[token, next] = row.TryGetValue(next, out double p) ? p : (1 - row.Values.Sum()) / (n - row.Count);
            }
        }
        return BigramModel.Create(table);
    }

    private Dictionary<string, TaskResult> Measure(CausalLM model, string task, TaskOptions? options = null) => TaskSuite
        .Prepare(_folder.Path, [task], s_words, model.Config, options ?? new() { BootstrapIters = 2000 }).Evaluate(model)
        .ToDictionary(result => result.Metric);

    [Fact]
    public void BoolQ()
    {
        // p(yes | :) > p(no | :), so the answer is always yes: right for two of three
        using CausalLM model = Model((":", "yes", 0.3), (":", "no", 0.2));
        _folder.Write("boolq_validation.jsonl",
            string.Join('\n',
                new[] { 1, 0, 1 }.Select((label, i) => $$"""{"question": "the fox {{i}}", "passage": "red .", "label": {{label}}}""")));
        TaskResult result = Measure(model, "boolq")["acc"];
        Assert.Equal(2.0 / 3, result.Value, 1e-12);
        Assert.Equal(Math.Sqrt((2.0 / 9 + 4.0 / 9) / 2 / 3), result.StandardError!.Value, 1e-12); // deviations 1/3, 1/3, -2/3
        Assert.Equal((3, 256, 0), (result.Count, result.Window, result.CutTexts));
    }

    [Fact]
    public void Piqa_with_and_without_length()
    {
        // "red": ln 0.2 = -1.61; "dark blue": ln 0.3 + ln 0.5 = -1.90. By character: -1.61 / 3 = -0.54 and -1.90 / 9 = -0.21
        using CausalLM model = Model((":", "red", 0.2), (":", "dark", 0.3), ("dark", "blue", 0.5));
        _folder.Write("piqa_validation.csv",
            "goal,sol1,sol2,label\nthe fox,red,dark blue,0\nthe fox .,dark blue,red,0\nfox,dark blue,red,1\n");
        Dictionary<string, TaskResult> results = Measure(model, "piqa");
        Assert.Equal(2.0 / 3, results["acc"].Value, 1e-12);
        Assert.Equal(1.0 / 3, results["acc_norm"].Value, 1e-12);
    }

    [Fact]
    public void WinoGrande_prefers_the_option_that_explains_the_rest()
    {
        // only the step from the option to "blue" differs: 0.4 after "fox", 0.1 after "red"
        using CausalLM model = Model(("fox", "blue", 0.4), ("red", "blue", 0.1));
        _folder.Write("winogrande_xl_validation.jsonl",
            """
            {"sentence": "the _ blue dark .", "option1": "red", "option2": "fox", "answer": "2"}
            {"sentence": "the yes _ blue .", "option1": "red", "option2": "fox", "answer": "1"}
            {"sentence": "_ blue .", "option1": "fox", "option2": "red", "answer": "1"}
            """);
        Assert.Equal(2.0 / 3, Measure(model, "winogrande")["acc"].Value, 1e-12);
        // Examples before the question change nothing for a model that sees one word back
        Assert.Equal(2.0 / 3, Measure(model, "winogrande", new() { NumFewshot = 2 })["acc"].Value, 1e-12);
    }

    [Fact]
    public void TruthfulQA()
    {
        using CausalLM model = Model((":", "yes", 0.3), (":", "no", 0.1), (":", "red", 0.2), ("red", "fox", 0.5));
        _folder.Write("truthfulqa_mc_task.json",
            """
            [{"question": "the fox", "mc1_targets": {"yes": 1, "no": 0}, "mc2_targets": {"yes": 1, "red fox": 1, "no": 0}},
             {"question": "the fox", "mc1_targets": {"no": 1, "red": 0}, "mc2_targets": {"no": 1, "red": 0}}]
            """);
        TaskResult[] results = [.. TaskSuite.Prepare(_folder.Path, ["truthfulqa"], s_words, model.Config, new()).Evaluate(model)];
        Assert.Equal(["truthfulqa_mc1", "truthfulqa_mc2"], results.Select(result => result.Task));
        Assert.Equal(0.5, results[0].Value, 1e-12);
        double first = (0.3 + 0.2 * 0.5) / (0.3 + 0.2 * 0.5 + 0.1), second = 0.1 / 0.3;
        Assert.Equal((first + second) / 2, results[1].Value, 1e-6);
        Assert.Equal((first - second) / 2, results[1].StandardError!.Value, 1e-6); // of two values: half their distance
    }

    [Fact]
    public void Arc_and_HellaSwag_with_examples()
    {
        using CausalLM model = Model((":", "red", 0.4), (":", "blue", 0.3), ("fox", "red", 0.4), ("fox", "blue", 0.3));
        string Arc(int i, string key) =>
            $$"""{"id": "{{i}}", "question": "fox {{i}}", "choices": {"text": ["blue", "red", "dark"], "label": ["A", "B", "C"]}, "answerKey": "{{key}}"}""";
        _folder.Write("arc_challenge_test.jsonl", string.Join('\n', Arc(0, "B"), Arc(1, "A"), Arc(2, "B"), Arc(3, "C")));
        _folder.Write("arc_challenge_train.jsonl", string.Join('\n', Enumerable.Range(0, 30).Select(i => Arc(i, "A"))));
        Dictionary<string, TaskResult> arc = Measure(model, "arc_challenge");
        Assert.Equal((0.5, 25, "train"), (arc["acc"].Value, arc["acc"].Shots, arc["acc"].ShotSplit)); // red, right twice
        Assert.Equal(0.25, arc["acc_norm"].Value); // per character blue: ln 0.3 / 4 = -0.301 against ln 0.4 / 3 = -0.305

        string Swag(int i, int label) =>
            $$"""{"ind": {{i}}, "activity_label": "the {{i}}", "ctx_a": "yes .", "ctx_b": "fox", "endings": ["red", "blue"], "label": "{{label}}"}""";
        _folder.Write("hellaswag_val.jsonl", string.Join('\n', Enumerable.Range(0, 12).Select(i => Swag(i, i % 4 == 0 ? 1 : 0))));
        Dictionary<string, TaskResult> swag = Measure(model, "hellaswag");
        Assert.Equal((12, 10, "validation"), (swag["acc"].Count, swag["acc"].Shots, swag["acc"].ShotSplit));
        Assert.Equal(0.75, swag["acc"].Value, 1e-12); // "Fox" is no known word, and after it all words are as likely: the first counts
    }

    [Fact]
    public void Lambada()
    {
        // "the" -> fox 0.5 and red 0.25: the first is what the model would say
        using CausalLM model = Model(("the", "fox", 0.5), ("the", "red", 0.25));
        _folder.Write("lambada_test.jsonl", """{"text": "blue . the fox"}""" + "\n" + """{"text": "yes the red"}""" + "\n");
        Dictionary<string, TaskResult> results = Measure(model, "lambada");
        Assert.Equal(0.5, results["acc"].Value, 1e-12);
        Assert.Equal(Math.Sqrt(2 * 4), results["perplexity"].Value, 1e-5); // exp of the mean of ln 2 and ln 4
        Assert.InRange(results["perplexity"].StandardError!.Value, 0.65, 0.75); // resamples give 2, sqrt 8 twice, 4: deviation 0.717
    }

    [Fact]
    public void A_window_cuts_texts_and_is_told()
    {
        using CausalLM model = Model((":", "yes", 0.3), (":", "no", 0.2));
        _folder.Write("boolq_validation.jsonl", """{"question": "the fox", "passage": "red . red . red . red .", "label": 1}""");
        TaskResult whole = Measure(model, "boolq")["acc"], cut = Measure(model, "boolq", new() { MaxLength = 5 })["acc"];
        Assert.Equal((0, 256), (whole.CutTexts, whole.Window));
        Assert.Equal((2, 5, 0), (cut.CutTexts, cut.Window, cut.CutContinuations));
        Assert.Equal(whole.Value, cut.Value);
        Assert.Null(whole.StandardError); // one question says nothing about spread
    }

    [Fact]
    public void Scores_of_another_source_give_the_numbers_too()
    {
        _folder.Write("piqa_validation.csv", "goal,sol1,sol2,label\nthe fox,red,blue,0\nthe fox,blue,red,1\n");
        using CausalLM model = Model();
        TaskSuite suite = TaskSuite.Prepare(_folder.Path, ["piqa"], s_words, model.Config, new());
        IReadOnlyList<TaskResult> results = suite.Results(request => new(request.Tokens[^1] == s_words.Id("red") ? -1 : -1.2, false));
        // red is right and likelier, but per character blue is: -1.2 / 4 against -1 / 3
        Assert.Equal([1, 0], results.Select(result => result.Value));
    }
}
