// Loads a model, extends its context window by PoSE on texts in memory, and measures the longer one.
//   dotnet run --project samples/ExtendAndMeasure -- MODEL_FOLDER TEXT_FILE OUT_FOLDER
using Skipwise.Recipes;

(string folder, string textFile, string extendedFolder) = (args[0], args[1], args[2]);
string[] documents = [.. File.ReadAllText(textFile).Split("\n\n")];

// README
using LanguageModel model = LanguageModel.Load(folder);
await foreach (string piece in model.GenerateAsync("Once upon a time", new() { MaxNewTokens = 16 }))
{
    Console.Write(piece);
}

await model.ExtendAsync(2 * model.ContextLength, new() { Texts = documents }, extendedFolder,
    run => run with { Training = new() { Steps = 20, BatchSize = 2 } });

using LanguageModel longer = LanguageModel.Load(extendedFolder);
foreach (var result in await longer.EvaluatePerplexityAsync(documents, new() { Windows = [model.ContextLength, longer.ContextLength] }))
{
    Console.WriteLine($"perplexity in windows of {result.Window} tokens: {result.Perplexity:0.00}");
}
// README
