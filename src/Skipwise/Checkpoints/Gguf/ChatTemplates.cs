using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>Reads the chat templates of a model: of a folder chat_template.jinja, else tokenizer_config.json; of a GGUF file its
/// keys.</summary>
internal static class ChatTemplates
{
    private const string Key = "chat_template", Default = "default";

    /// <summary>The templates by name; <c>default</c> is the one without a name.</summary>
    /// <param name="model">a folder, or a file: GGUF, or one in the folder</param>
    /// <exception cref="SkipwiseException">a file cannot be read or leads out of the folder, or two templates have one name</exception>
    public static IReadOnlyList<(string Name, string Text)> Read(string model)
    {
        model = ModelFolder.Resolve(model);
        if (GgufStart.IsAt(model))
        {
            return GgufVocabulary.Templates(GgufKeys.Read(model));
        }
        string folder = File.Exists(model) ? Path.GetDirectoryName(Path.GetFullPath(model))! : model;
        string alone = Path.Combine(folder, Key + ".jinja"), config = Path.Combine(folder, "tokenizer_config.json");
        if (File.Exists(alone) && CompanionFiles.Elsewhere(folder, alone) is { } place)
        {
            throw new SkipwiseException(
                $"{alone}: leads out of the model's folder, to {place}, so it is not put into the file. Put a copy in its place if it " +
                "belongs to the model");
        }
        if (File.Exists(alone))
        {
            return [(Default, InputFile.ReadText(alone))];
        }
        if (!File.Exists(config) || LocatedJson.Read(config).Find(Key) is not { } template)
        {
            return [];
        }
        if (!template.IsArray)
        {
            return [(Default, template.Text)];
        }
        var templates = new OrderedDictionary<string, string>();
        foreach (LocatedJson item in template.Items())
        {
            if (!templates.TryAdd(item.Get("name").Text, item.Get("template").Text))
            {
                throw item.Error("has the name of another template");
            }
        }
        return [.. templates.Select(item => (item.Key, item.Value))];
    }

    /// <summary>Adds the templates under GGUF's keys.</summary>
    public static void Describe(GgufMetadata metadata, IReadOnlyList<(string Name, string Text)> templates)
    {
        string[] named = [.. templates.Where(template => template.Name != Default).Select(template => template.Name)];
        if (named.Length > 0)
        {
            metadata.Add("tokenizer.chat_templates", named);
        }
        foreach ((string name, string text) in templates)
        {
            metadata.Add(name == Default ? "tokenizer.chat_template" : $"tokenizer.chat_template.{name}", text);
        }
    }
}
